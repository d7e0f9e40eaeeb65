"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.baselines.nodes import write_baseline_reports


def create_pipeline() -> Pipeline:
    """Return the stage baselines."""
    return Pipeline(
        [
            Node(
                write_baseline_reports,
                inputs=["params:baselines", "image_store", "pretrained_encoder", "findings", "splits"],
                outputs="baseline_reports",
                name="write_baseline_reports",
            )
        ]
    )
