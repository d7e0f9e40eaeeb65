"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.baselines.nodes import compare_systems


def create_pipeline() -> Pipeline:
    """Return the stage baselines."""
    return Pipeline(
        [
            Node(
                compare_systems,
                inputs=[
                    "params:baselines",
                    "image_store",
                    "pretrained_encoder",
                    "vocabulary",
                    "encoded_reports",
                    "findings",
                    "chexpert_labels",
                    "label_calls",
                    "splits",
                ],
                outputs=["baseline_reports", "baseline_labels", "baseline_models", "baselines_history"],
                name="compare_systems",
                tags="gpu",
            )
        ]
    )
