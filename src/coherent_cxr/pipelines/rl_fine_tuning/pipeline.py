"""Wiring of the stage: one modular pipeline, once per system."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.rl_fine_tuning.nodes import draw_curves, fine_tune
from coherent_cxr.pipelines.systems import Systems

SHARED = (
    *("mle_model", "image_store", "encoded_reports", "findings", "chexpert_labels"),
    "cider_document_frequencies",
)
"""What all systems read, whatever their namespace."""


def create_pipeline(systems: Systems) -> Pipeline:
    """Return the stage rl_fine_tuning: one namespace per system, all from one likelihood-trained model."""
    one = Pipeline(
        [
            Node(
                fine_tune,
                inputs=["params:rl_fine_tuning", *SHARED, "params:chexpert_labelling"],
                outputs=["rl_model", "rl_history"],
                name="fine_tune",
                tags=["gpu", "side_by_side"],
            ),
            Node(
                draw_curves,
                inputs=["params:rl_fine_tuning", "rl_history"],
                outputs="rl_curves",
                name="draw_curves",
                tags=["cpu", "report"],
            ),
        ]
    )
    return sum(
        (
            Pipeline(one, namespace=system, inputs=set(SHARED), parameters={"params:chexpert_labelling"})
            for system in systems.reinforced
        ),
        Pipeline([]),
    )
