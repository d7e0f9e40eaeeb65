"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.vocabulary_building.nodes import (
    build_vocabulary,
    count_splits,
    encode_reports,
    split_studies,
)


def create_pipeline() -> Pipeline:
    """Return the stage vocabulary_building."""
    config = "params:vocabulary_building"
    counted = ["vocabulary", "finding_occurrences"]
    return Pipeline(
        [
            Node(
                split_studies,
                inputs=[config, "findings", "studies"],
                outputs=["splits", "split_exclusions"],
                name="split_studies",
                tags=["cpu", "pieces"],
            ),
            Node(
                build_vocabulary,
                inputs=[config, "splits", "findings", "sentence_labels"],
                outputs=counted,
                name="build_vocabulary",
                tags=["cpu", "pieces"],
            ),
            Node(
                encode_reports,
                inputs=[config, *counted, "findings", "splits", "sentence_labels"],
                outputs="encoded_reports",
                name="encode_reports",
                tags=["cpu", "pieces"],
            ),
            Node(
                count_splits,
                inputs="encoded_reports",
                outputs="split_overview",
                name="count_splits",
                tags=["cpu", "pieces", "report"],
            ),
        ]
    )
