"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.model_registration.nodes import register_model, score_candidates
from coherent_cxr.pipelines.systems import Systems


def create_pipeline(systems: Systems) -> Pipeline:
    """Return the stage model_registration."""
    return Pipeline(
        [
            scoring_node(systems),
            Node(
                register_model,
                inputs=systems.beside(
                    {
                        "config": "params:model_registration",
                        "validation_metrics": "validation_metrics",
                        "metrics_summary": "metrics_summary",
                        "radiographs": "radiographs",
                        "image_store": "image_store",
                        "encoded_reports": "encoded_reports",
                        "image_checks": "image_checks",
                        "pretrained_encoder": "pretrained_encoder",
                        "label_thresholds": "label_thresholds",
                    }
                ),
                outputs=["registered_model", "model_card"],
                name="register_model",
                tags="cpu",
            ),
        ]
    )


def scoring_node(systems: Systems) -> Node:
    """Return the node that scores the generators on validation; the results page needs its choice, too."""
    return Node(
        score_candidates,
        inputs=systems.beside(
            {
                "config": "params:model_registration",
                "image_store": "image_store",
                "encoded_reports": "encoded_reports",
                "findings": "findings",
                "chexpert_labels": "chexpert_labels",
                "document_frequencies": "cider_document_frequencies",
                "splits": "splits",
                "labelling": "params:chexpert_labelling",
            }
        ),
        outputs="validation_metrics",
        name="score_candidates",
        tags="gpu",
    )
