"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.compare.nodes import compare_runs


def create_pipeline() -> Pipeline:
    """Return the pipeline compare, which is no part of a whole run."""
    return Pipeline(
        [
            Node(
                compare_runs,
                inputs="params:compare",
                outputs="comparison_page",
                name="compare_runs",
                tags=["cpu", "report"],
            )
        ]
    )
