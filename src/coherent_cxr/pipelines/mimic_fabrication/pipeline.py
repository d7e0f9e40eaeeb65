"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.mimic_fabrication.nodes import fabricate


def create_pipeline() -> Pipeline:
    """Return the stage mimic_fabrication."""
    return Pipeline(
        [
            Node(
                fabricate,
                inputs="params:mimic_fabrication",
                outputs="fabricated_mimic_cxr",
                name="fabricate_mimic_cxr",
                tags="cpu",
            )
        ]
    )
