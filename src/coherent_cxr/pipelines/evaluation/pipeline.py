"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.evaluation.nodes import (
    draw_attention,
    generate_reports,
    label_generated_reports,
    score,
    write_results_page,
)
from coherent_cxr.pipelines.rl_fine_tuning.pipeline import SYSTEMS

MODELS = {"mle": "mle_model"} | {system: f"{system}.rl_model" for system in SYSTEMS}
"""The generators by the names under which they appear in results, and where they are kept."""


def create_pipeline() -> Pipeline:
    """Return the stage evaluation."""
    return Pipeline(
        [
            Node(
                generate_reports,
                inputs={
                    "config": "params:generation",
                    "image_store": "image_store",
                    "findings": "findings",
                    "splits": "splits",
                    "baseline_reports": "baseline_reports",
                    **MODELS,
                },
                outputs="generated_reports",
                name="generate_reports",
            ),
            Node(
                label_generated_reports,
                inputs=["params:chexpert_labelling", "generated_reports", "baseline_labels"],
                outputs="generated_labels",
                name="label_generated_reports",
            ),
            Node(
                score,
                inputs=[
                    "params:evaluation",
                    "generated_reports",
                    "generated_labels",
                    "findings",
                    "chexpert_labels",
                    "splits",
                    "image_store",
                ],
                outputs=["metrics", "comparisons", "metrics_summary"],
                name="score",
            ),
            Node(
                draw_attention,
                inputs=[
                    "full.rl_model",
                    "image_store",
                    "findings",
                    "chexpert_labels",
                    "splits",
                    "radiographs",
                ],
                outputs="attention_example",
                name="draw_attention",
            ),
            Node(
                write_results_page,
                inputs=[
                    "params:evaluation",
                    "params:chexpert_labelling",
                    "metrics",
                    "generated_reports",
                    "findings",
                    "splits",
                    "image_store",
                    "radiographs",
                ],
                outputs="results_page",
                name="write_results_page",
            ),
        ]
    )
