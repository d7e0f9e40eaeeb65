"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.baselines.nodes import compare_systems
from coherent_cxr.pipelines.inputs import TRAINING


def create_pipeline() -> Pipeline:
    """Return the stage baselines."""
    return Pipeline(
        [
            Node(
                compare_systems,
                inputs=[
                    "params:baselines",
                    *TRAINING,
                    "label_calls",
                    "splits",
                ],
                outputs=["baseline_reports", "baseline_labels", "baseline_models", "baselines_history"],
                name="compare_systems",
                tags="gpu",
            )
        ]
    )
