"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.model_registration.nodes import register_model, score_candidates

MODELS = ["mle_model", "nlg.rl_model", "ccr.rl_model", "full.rl_model"]


def create_pipeline() -> Pipeline:
    """Return the stage model_registration."""
    return Pipeline(
        [
            Node(
                score_candidates,
                inputs=[
                    "params:model_registration",
                    *MODELS,
                    "image_store",
                    "encoded_reports",
                    "findings",
                    "chexpert_labels",
                    "cider_document_frequencies",
                ],
                outputs="validation_metrics",
                name="score_candidates",
            ),
            Node(
                register_model,
                inputs=[
                    "params:model_registration",
                    *MODELS,
                    "validation_metrics",
                    "metrics_summary",
                    "radiographs",
                ],
                outputs=["registered_model", "model_card"],
                name="register_model",
            ),
        ]
    )
