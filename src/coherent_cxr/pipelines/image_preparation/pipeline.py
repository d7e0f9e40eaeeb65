"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.image_preparation.nodes import prepare_images


def create_pipeline() -> Pipeline:
    """Return the stage image_preparation."""
    return Pipeline(
        [
            Node(
                prepare_images,
                inputs=["params:image_preparation", "images", "findings", "radiographs"],
                outputs=["image_store", "image_exclusions", "image_notes", "view_report", "image_checks"],
                name="prepare_images",
                tags="cpu",
            )
        ]
    )
