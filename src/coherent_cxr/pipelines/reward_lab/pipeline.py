"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.reward_lab.nodes import draw_page, try_rewards


def create_pipeline() -> Pipeline:
    """Return the stage reward_lab."""
    return Pipeline(
        [
            Node(
                try_rewards,
                inputs=[
                    "params:reward_lab",
                    "findings",
                    "chexpert_labels",
                    "splits",
                    "cider_document_frequencies",
                    "params:chexpert_labelling",
                ],
                outputs="reward_lab_table",
                name="try_rewards",
                tags=["cpu"],
            ),
            Node(
                draw_page,
                inputs="reward_lab_table",
                outputs="reward_lab_page",
                name="draw_reward_lab",
                tags=["cpu", "report"],
            ),
        ]
    )
