"""Nodes of the stage."""

from __future__ import annotations

import dataclasses
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from coherent_cxr.chexpert.tables import ChexpertLabellingConfig
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.systems import (
    label_reports,
    outputs_of,
    references_of,
    test_studies,
    without_repeated_sentences,
)
from coherent_cxr.images.store import ImageStore
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.training.generation import GenerationConfig


def generate_reports(
    config: GenerationConfig,
    image_store: ImageStore,
    findings: pd.DataFrame,
    splits: pd.DataFrame,
    baseline_reports: pd.DataFrame,
    **models: ModelBundle,
) -> pd.DataFrame:
    """Let every generator write for the test studies; put the compared systems' reports before theirs."""
    from coherent_cxr.training import generation

    studies = test_studies(findings, splits, image_store.index["study_id"])
    as_decoded = dataclasses.replace(config, remove_repeats=False)
    tables = [baseline_reports]
    for system, bundle in models.items():
        written = generation.generate_reports(bundle, image_store, studies, as_decoded)
        tables.append(written.assign(system=system)[list(baseline_reports.columns)])
    generated = pd.concat(tables, ignore_index=True)
    if config.remove_repeats:
        return without_repeated_sentences(generated)
    return generated.assign(unprocessed=generated["tokens"])


def label_generated_reports(
    config: ChexpertLabellingConfig, generated_reports: pd.DataFrame, baseline_labels: pd.DataFrame
) -> pd.DataFrame:
    """Label what was written with the labeller of the references; put systems of labels alone before it."""
    labelled = label_reports(config.labeler(), generated_reports)
    return pd.concat([baseline_labels, labelled], ignore_index=True) if len(baseline_labels) else labelled


def score(
    config: EvaluationConfig,
    generated_reports: pd.DataFrame,
    generated_labels: pd.DataFrame,
    findings: pd.DataFrame,
    chexpert_labels: pd.DataFrame,
    splits: pd.DataFrame,
    image_store: ImageStore,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Score every system; return all metrics, all paired comparisons and the headline."""
    from coherent_cxr.evaluation import headline, scoring

    studies = test_studies(findings, splits, image_store.index["study_id"])
    references = references_of(studies, findings, chexpert_labels, splits)
    scores = scoring.score_systems(
        config, outputs_of(generated_reports, generated_labels, references), references
    )
    summary: dict[str, Any] = headline.summarise(scores, config.uncertain)
    return scoring.metrics_table(scores), scoring.comparisons_table(scores), summary


def draw_attention(
    full_model: ModelBundle,
    image_store: ImageStore,
    findings: pd.DataFrame,
    chexpert_labels: pd.DataFrame,
    splits: pd.DataFrame,
    radiographs: dict[str, Any],
) -> Figure:
    """Draw where the full model looks on the test study with the most positive labels."""
    from coherent_cxr.evaluation.attention import attention_figure
    from coherent_cxr.models.attention import write_with_attention

    studies = test_studies(findings, splits, image_store.index["study_id"])
    positives = (chexpert_labels.set_index("study_id").loc[studies] == 1).sum(axis=1)
    image = image_store.pixels[image_store.rows_of_study(str(positives.idxmax()))[0]]
    written = write_with_attention(full_model.build(), full_model.vocabulary, image)
    notice = f"{radiographs['notice']} For research only, not for clinical use."
    return attention_figure(image, written, notice)


def write_results_page(
    config: EvaluationConfig,
    labelling: ChexpertLabellingConfig,
    metrics: pd.DataFrame,
    generated_reports: pd.DataFrame,
    findings: pd.DataFrame,
    splits: pd.DataFrame,
    image_store: ImageStore,
    radiographs: dict[str, Any],
) -> str:
    """Write the results page."""
    from coherent_cxr.evaluation import page

    studies = test_studies(findings, splits, image_store.index["study_id"])
    return page.results_page(
        config, labelling.labeler(), metrics, generated_reports, findings, studies, image_store, radiographs
    )
