"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.inputs import TRAINING
from coherent_cxr.pipelines.mle_training.nodes import count_document_frequencies, train_mle


def create_pipeline() -> Pipeline:
    """Return the stage mle_training."""
    return Pipeline(
        [
            Node(
                count_document_frequencies,
                inputs=["findings", "splits"],
                outputs="cider_document_frequencies",
                name="count_document_frequencies",
                tags="cpu",
            ),
            Node(
                train_mle,
                inputs=[
                    "params:mle_training",
                    *TRAINING,
                    "cider_document_frequencies",
                    "params:chexpert_labelling",
                    "params:findings_extraction",
                ],
                outputs=["mle_model", "mle_history", "mle_examples", "mle_learning_curves"],
                name="train_mle",
                tags="gpu",
            ),
        ]
    )
