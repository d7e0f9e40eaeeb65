"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.vocabulary_building.nodes import build_vocabulary


def create_pipeline() -> Pipeline:
    """Return the stage vocabulary_building."""
    return Pipeline(
        [
            Node(
                build_vocabulary,
                inputs=["params:vocabulary_building", "findings", "studies", "sentence_labels"],
                outputs=["splits", "vocabulary", "encoded_reports", "split_exclusions", "split_overview"],
                name="build_vocabulary",
            )
        ]
    )
