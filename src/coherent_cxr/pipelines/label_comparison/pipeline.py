"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.label_comparison.nodes import compare_labels


def create_pipeline() -> Pipeline:
    """Return the stage label_comparison."""
    return Pipeline(
        [
            Node(
                compare_labels,
                inputs=["params:report_parsing", "params:chexpert_labelling", "findings"],
                outputs="shipped_label_agreement",
                name="compare_labels",
                tags=["cpu", "report"],
            )
        ]
    )
