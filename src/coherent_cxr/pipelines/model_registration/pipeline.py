"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.inputs import named
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
                    named(
                        *("validation_metrics", "metrics_summary", "metrics", "radiographs", "image_store"),
                        *("encoded_reports", "image_checks", "pretrained_encoder", "label_thresholds"),
                        config="params:model_registration",
                        test_time_shifts="params:encoder_pretraining.test_time_shifts",
                    )
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
            named(
                *("image_store", "encoded_reports", "findings", "chexpert_labels", "splits"),
                config="params:model_registration",
                document_frequencies="cider_document_frequencies",
                labelling="params:chexpert_labelling",
            )
        ),
        outputs="validation_metrics",
        name="score_candidates",
        tags="gpu",
        namespace="model_registration",
    )
