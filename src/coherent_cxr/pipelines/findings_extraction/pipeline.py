"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.findings_extraction.nodes import extract_findings


def create_pipeline() -> Pipeline:
    """Return the stage findings_extraction."""
    return Pipeline(
        [
            Node(
                extract_findings,
                inputs=["params:findings_extraction", "studies"],
                outputs=["findings", "findings_exclusions"],
                name="extract_findings",
                tags=["cpu", "pieces"],
            )
        ]
    )
