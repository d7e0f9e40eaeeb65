"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.ablation.nodes import ablate
from coherent_cxr.pipelines.inputs import TRAINING


def create_pipeline() -> Pipeline:
    """Return the stage ablation."""
    return Pipeline(
        [
            Node(
                ablate,
                inputs=[
                    "params:ablation",
                    "params:generation",
                    "params:evaluation",
                    "params:chexpert_labelling",
                    "params:baselines",
                    *TRAINING,
                    "label_scores",
                    "label_thresholds",
                    "splits",
                    "cider_document_frequencies",
                    "mle_model",
                ],
                outputs="ablation",
                name="ablate",
                tags="gpu",
            )
        ]
    )
