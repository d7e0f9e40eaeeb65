"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.download_openi.nodes import download_openi


def create_pipeline() -> Pipeline:
    """Return the stage download_openi."""
    return Pipeline(
        [
            Node(
                download_openi,
                inputs="params:download_openi",
                outputs=["openi_download", "download_exclusions"],
                name="download_openi",
                tags="cpu",
            )
        ]
    )
