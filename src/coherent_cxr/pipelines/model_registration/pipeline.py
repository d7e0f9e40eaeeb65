"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.inputs import named
from coherent_cxr.pipelines.model_registration.nodes import register_model
from coherent_cxr.pipelines.systems import Systems


def create_pipeline(systems: Systems) -> Pipeline:
    """Return the stage model_registration."""
    return Pipeline(
        [
            Node(
                register_model,
                inputs=systems.beside(
                    named(
                        *("validation_metrics", "metrics_summary", "metrics", "generated_reports"),
                        *("radiographs", "image_store"),
                        *("encoded_reports", "image_checks", "pretrained_encoder", "label_thresholds"),
                        *("label_scores", "chexpert_labels"),
                        config="params:model_registration",
                        test_time_shifts="params:encoder_pretraining.test_time_shifts",
                    )
                ),
                outputs=["registered_model", "model_card", "chai_model_card", "drift_reference"],
                name="register_model",
                tags="cpu",
            ),
        ]
    )
