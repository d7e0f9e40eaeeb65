"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.encoder_pretraining.nodes import (
    decide_labels,
    pretrain_encoder,
    score_labels,
)


def create_pipeline() -> Pipeline:
    """Return the stage encoder_pretraining."""
    return Pipeline(
        [
            Node(
                pretrain_encoder,
                inputs=[
                    "params:encoder_pretraining",
                    "image_store",
                    "chexpert_labels",
                    "splits",
                    "mesh_terms",
                    "params:extra_images",
                    "params:image_preparation",
                ],
                outputs=[
                    "pretrained_encoder",
                    "encoder_history",
                    "encoder_learning_curves",
                    "extra_image_exclusions",
                ],
                name="pretrain_encoder",
                tags="gpu",
            ),
            Node(
                score_labels,
                inputs=["params:encoder_pretraining", "pretrained_encoder", "image_store", "splits"],
                outputs="label_scores",
                name="score_labels",
                tags="gpu",
            ),
            Node(
                decide_labels,
                inputs=[
                    "params:label_decisions",
                    "params:encoder_pretraining",
                    "label_scores",
                    "chexpert_labels",
                    "splits",
                ],
                outputs=["label_thresholds", "label_calls"],
                name="decide_labels",
                tags="cpu",
            ),
        ]
    )
