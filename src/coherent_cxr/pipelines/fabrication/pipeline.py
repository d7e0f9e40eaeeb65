"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.fabrication.nodes import fabricate_radiographs, show_examples


def create_pipeline() -> Pipeline:
    """Return the stage fabrication."""
    return Pipeline(
        [
            Node(
                fabricate_radiographs,
                inputs=["params:fabrication", "images", "findings", "chexpert_labels"],
                outputs="radiographs",
                name="fabricate_radiographs",
                tags="cpu",
            ),
            Node(
                show_examples,
                inputs=["radiographs", "images", "chexpert_labels"],
                outputs="phantom_examples",
                name="show_examples",
                tags=["cpu", "report"],
            ),
        ]
    )
