"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.evaluation.nodes import (
    assess_encoder,
    check_finding_tokens,
    draw_figures,
    generate_reports,
    label_both_sides,
    look_where_it_looked,
    measure_consensus,
    score,
    score_sections,
)
from coherent_cxr.pipelines.evaluation.page_nodes import write_results_page
from coherent_cxr.pipelines.inputs import named
from coherent_cxr.pipelines.model_registration.nodes import score_candidates
from coherent_cxr.pipelines.systems import Systems

KNOWN = (
    *("image_store", "findings", "splits", "chexpert_labels"),
    *("label_scores", "label_thresholds", "label_calls"),
)
"""What reports are generated from, beside models."""
EXCLUSIONS = {
    "report parsing": "parsing_exclusions",
    "findings extraction": "findings_exclusions",
    "vocabulary building": "split_exclusions",
    "image preparation": "image_exclusions",
}
"""What each stage left out."""


def create_pipeline(systems: Systems) -> Pipeline:
    """Return the stage evaluation."""
    main_model = systems.models[systems.main]
    return Pipeline(
        [
            Node(
                generate_reports,
                inputs=systems.beside(
                    named(
                        *KNOWN,
                        "baseline_reports",
                        config="params:generation",
                        evaluation="params:evaluation",
                        labelling="params:chexpert_labelling",
                        document_frequencies="cider_document_frequencies",
                    )
                ),
                outputs="generated_reports",
                name="generate_reports",
                tags="gpu",
            ),
            Node(
                label_both_sides,
                inputs=["params:chexpert_labelling", "generated_reports", "baseline_labels", "findings"],
                outputs=["generated_labels", "reference_labels"],
                name="label_both_sides",
                tags="cpu",
            ),
            Node(
                score,
                inputs=[
                    "params:evaluation",
                    "generated_reports",
                    "generated_labels",
                    "reference_labels",
                    "findings",
                    "splits",
                    "image_store",
                ],
                outputs=["metrics", "comparisons", "metrics_summary", "headline_resamples"],
                name="score",
                tags="cpu",
            ),
            Node(
                score_sections,
                inputs=[
                    "params:evaluation",
                    "params:chexpert_labelling",
                    "generated_reports",
                    "findings",
                    "splits",
                    "image_store",
                ],
                outputs="section_metrics",
                name="score_sections",
                tags=["cpu", "report"],
            ),
            Node(
                measure_consensus,
                inputs=systems.beside(
                    named(
                        *KNOWN,
                        config="params:generation",
                        labelling="params:chexpert_labelling",
                        document_frequencies="cider_document_frequencies",
                    )
                ),
                outputs="consensus_quality",
                name="measure_consensus",
                tags="gpu",
            ),
            Node(
                check_finding_tokens,
                inputs=["params:chexpert_labelling", "generated_reports", "encoded_reports", "vocabulary"],
                outputs="finding_token_agreement",
                name="check_finding_tokens",
                tags=["cpu", "report"],
            ),
            Node(
                assess_encoder,
                inputs=[
                    "params:evaluation",
                    "label_scores",
                    "label_thresholds",
                    "chexpert_labels",
                    "splits",
                ],
                outputs=["label_quality", "label_reliability", "encoder_quality"],
                name="assess_encoder",
                tags=["cpu", "report"],
            ),
            Node(
                look_where_it_looked,
                inputs=[
                    "params:evaluation",
                    "params:chexpert_labelling",
                    "params:generation",
                    main_model,
                    "image_store",
                    "findings",
                    "chexpert_labels",
                    "splits",
                    "radiographs",
                ],
                outputs=["attended", "attention_by_status", "negation_attention", "attention_example"],
                name="look_where_it_looked",
                tags=["gpu", "report"],
            ),
            Node(
                draw_figures,
                inputs=named("metrics", "reference_labels", config="params:evaluation", **systems.histories),
                outputs=["headline_intervals", "label_heatmap", "all_learning_curves"],
                name="draw_figures",
                tags=["cpu", "report"],
            ),
            Node(
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
            ),
            Node(
                write_results_page,
                inputs=systems.beside(
                    named(
                        *("metrics", "comparisons", "generated_reports", "generated_labels"),
                        *("reference_labels", "studies", "findings", "chexpert_labels", "splits"),
                        *("image_store", "radiographs", "validation_metrics", "attended", "label_quality"),
                        *("label_reliability", "label_thresholds", "finding_token_agreement"),
                        *("consensus_quality", "section_metrics"),
                        config="params:evaluation",
                        parsing="params:report_parsing",
                        **{f"{name}_history": dataset for name, dataset in systems.histories.items()},
                        **{f"{stage}_exclusions": dataset for stage, dataset in EXCLUSIONS.items()},
                    )
                ),
                outputs="results_page",
                name="write_results_page",
                tags=["cpu", "report"],
            ),
        ]
    )
