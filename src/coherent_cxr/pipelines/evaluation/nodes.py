"""Nodes of the stage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from coherent_cxr.baselines.registry import SYSTEMS as BASELINES
from coherent_cxr.chexpert.tables import ChexpertLabellingConfig
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.reference_rows import REFERENCE_ROWS, reference_labels, reference_reports
from coherent_cxr.evaluation.report.page import Attended
from coherent_cxr.evaluation.systems import (
    first_images,
    judge_labels,
    label_reports,
    outputs_of,
    references_of,
    same_for_all,
    studies_of_split,
    test_studies,
    without_repeated_sentences,
)
from coherent_cxr.images.store import ImageStore
from coherent_cxr.inference.generated_rows import RowGenerator, check_systems, uses_true_labels
from coherent_cxr.inference.generation import GenerationConfig, Likely
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.reports.priors import priors_of
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.rewards import CiderD
from coherent_cxr.training.encoder.decisions import label_probabilities

COMPARED = frozenset(BASELINES) | frozenset(REFERENCE_ROWS)
"""Systems that are not this project's generator."""
TRUE_LABELS = "medoid of the true labels"


def oracles(systems: Iterable[str]) -> frozenset[str]:
    """Return the systems that are given labels of the references."""
    return frozenset(name for name in systems if uses_true_labels(name) or name == TRUE_LABELS)


def generate_reports(
    config: GenerationConfig,
    evaluation: EvaluationConfig,
    image_store: ImageStore,
    findings: pd.DataFrame,
    splits: pd.DataFrame,
    baseline_reports: pd.DataFrame,
    label_calls: pd.DataFrame,
    label_scores: pd.DataFrame,
    label_thresholds: pd.DataFrame,
    chexpert_labels: pd.DataFrame,
    labelling: ChexpertLabellingConfig,
    document_frequencies: dict[str, Any],
    **models: ModelBundle,
) -> pd.DataFrame:
    """Generate reports for the test studies, after the rows of reference systems and baselines."""
    check_systems(config, models)
    studies = test_studies(findings, splits, image_store.index["study_id"])
    generator = RowGenerator(
        config,
        image_store,
        labelling.labeler(),
        CiderD.from_dict(document_frequencies),
        label_calls,
        _likely(label_scores, label_thresholds),
        chexpert_labels,
        priors_of(splits, findings),
    )
    tables = [baseline_reports]
    for system, bundle in models.items():
        for name, own_reports in generator.rows(system, bundle, studies):
            tables.append(own_reports.assign(system=name)[[*baseline_reports.columns, "finding_tokens"]])
    generated = without_repeated_sentences(pd.concat(tables, ignore_index=True), config.remove_repeats)
    texts = dict(zip(findings["study_id"], findings["text"], strict=True))
    training = [texts[s] for s in splits.loc[splits["split"] == "train", "study_id"] if s in texts]
    # as they are: removing repeats is a step of the systems
    shown = reference_reports(studies, training, evaluation.seed)
    table = pd.concat([shown.assign(unprocessed=shown["tokens"]), generated], ignore_index=True)
    # of what is no generator of ours no sentence has a finding token
    table["finding_tokens"] = [own if isinstance(own, list) else [] for own in table["finding_tokens"]]
    return table


def measure_consensus(
    config: GenerationConfig,
    labelling: ChexpertLabellingConfig,
    image_store: ImageStore,
    findings: pd.DataFrame,
    splits: pd.DataFrame,
    label_calls: pd.DataFrame,
    label_scores: pd.DataFrame,
    label_thresholds: pd.DataFrame,
    chexpert_labels: pd.DataFrame,
    document_frequencies: dict[str, Any],
    **models: ModelBundle,
) -> pd.DataFrame:
    """Score consensus decoding on the validation split, by the number of samples."""
    from coherent_cxr.evaluation.metrics.consensus_quality import consensus_quality

    check_systems(config, models)
    studies = studies_of_split(findings, splits, image_store.index["study_id"], "validation")
    labeler, frequencies = labelling.labeler(), CiderD.from_dict(document_frequencies)
    likely = _likely(label_scores, label_thresholds)
    known = label_calls, likely, chexpert_labels, priors_of(splits, findings)
    generator = RowGenerator(config, image_store, labeler, frequencies, *known)
    tables = [generator.by_samples(system, bundle, studies) for system, bundle in models.items()]
    generated = pd.concat(tables, ignore_index=True)
    return consensus_quality(labeler, generated, findings, chexpert_labels)


def _likely(label_scores: pd.DataFrame, label_thresholds: pd.DataFrame) -> Likely:
    by_label = label_thresholds.drop_duplicates("observation")
    usual = dict(zip(by_label["observation"], by_label["prevalence"], strict=True))
    return Likely(label_probabilities(label_scores, label_thresholds), usual)


def label_both_sides(
    config: ChexpertLabellingConfig,
    generated_reports: pd.DataFrame,
    baseline_labels: pd.DataFrame,
    findings: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Let every judge label generated reports and references; label baselines are the same for all."""
    judges = config.judges()
    studies = list(dict.fromkeys(generated_reports["study_id"]))
    alone = [reference_labels(studies), *([baseline_labels] if len(baseline_labels) else [])]
    labels = [*(same_for_all(judges, table) for table in alone), label_reports(judges, generated_reports)]
    judged = findings[findings["study_id"].isin(generated_reports["study_id"])]
    references = judge_labels(judges, judged["text"], {"study_id": judged["study_id"]})
    return pd.concat(labels, ignore_index=True), references


def score_sections(
    config: EvaluationConfig,
    labelling: ChexpertLabellingConfig,
    generated_reports: pd.DataFrame,
    findings: pd.DataFrame,
    splits: pd.DataFrame,
    image_store: ImageStore,
) -> pd.DataFrame:
    """Score findings and impression each alone; no row where reports have one section."""
    from coherent_cxr.evaluation.sections import section_metrics

    studies = test_studies(findings, splits, image_store.index["study_id"])
    return section_metrics(config, labelling.judges(), generated_reports, findings, splits, studies)


def score(
    config: EvaluationConfig,
    generated_reports: pd.DataFrame,
    generated_labels: pd.DataFrame,
    reference_labels: pd.DataFrame,
    findings: pd.DataFrame,
    splits: pd.DataFrame,
    image_store: ImageStore,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any], pd.DataFrame]:
    """Score every system; return all metrics, all paired comparisons, the headline and its resamples."""
    from coherent_cxr.evaluation import headline, scoring
    from coherent_cxr.evaluation.statistics import resamples

    studies = test_studies(findings, splits, image_store.index["study_id"])
    references = references_of(studies, findings, reference_labels, splits)
    scores = scoring.score_systems(
        config, outputs_of(generated_reports, generated_labels, references), references
    )
    summary: dict[str, Any] = headline.summarise(scores, config.uncertain)
    return (
        scoring.metrics_table(scores),
        scoring.comparisons_table(scores),
        summary,
        resamples.headline_resamples(scores, config, references),
    )


def check_finding_tokens(
    labelling: ChexpertLabellingConfig,
    generated_reports: pd.DataFrame,
    encoded_reports: pd.DataFrame,
    vocabulary: dict[str, Any],
) -> pd.DataFrame:
    """Compare finding tokens with what the labeller reads in the sentences behind them."""
    from coherent_cxr.evaluation.metrics.token_agreement import token_agreement

    known = Vocabulary.from_dict(vocabulary)
    return token_agreement(labelling.labeler(), generated_reports, encoded_reports, known)


def assess_encoder(
    config: EvaluationConfig,
    label_scores: pd.DataFrame,
    label_thresholds: pd.DataFrame,
    chexpert_labels: pd.DataFrame,
    splits: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame, Figure]:
    """Measure AUROC and calibration of the encoder's label classifier."""
    from coherent_cxr.evaluation.metrics.label_quality import label_quality, label_reliability
    from coherent_cxr.evaluation.report.figures.encoder import encoder_figure

    quality = label_quality(label_scores, chexpert_labels, splits, config.resamples, config.seed)
    probabilities = label_probabilities(label_scores, label_thresholds)
    reliability = label_reliability(probabilities, chexpert_labels, splits)
    return quality, reliability, encoder_figure(quality, reliability, label_thresholds)


def look_where_it_looked(
    config: EvaluationConfig,
    labelling: ChexpertLabellingConfig,
    generation: GenerationConfig,
    main_model: ModelBundle,
    image_store: ImageStore,
    findings: pd.DataFrame,
    chexpert_labels: pd.DataFrame,
    splits: pd.DataFrame,
    radiographs: dict[str, Any],
) -> tuple[Attended, pd.DataFrame, Figure, Figure]:
    """Study the attention of the main system on the test split."""
    from coherent_cxr.evaluation.attention.maps import write_with_maps
    from coherent_cxr.evaluation.attention.study import study_attention
    from coherent_cxr.inference.generation import sentence_check
    from coherent_cxr.inference.study_features import study_regions

    studies = test_studies(findings, splits, image_store.index["study_id"])
    patients = splits.set_index("study_id")["patient_id"].astype(str)
    model = main_model.build()
    regions = study_regions(
        model, main_model.vocabulary, image_store, studies, generation, priors_of(splits, findings)
    )
    labeler = labelling.labeler()
    check = sentence_check(main_model.vocabulary, labeler, generation)
    return study_attention(
        config,
        labeler,
        main_model.metadata["system"],
        write_with_maps(model, main_model.vocabulary, regions, check),
        first_images(image_store, studies),
        (chexpert_labels.set_index("study_id").loc[studies] == 1).sum(axis=1).tolist(),
        patients.loc[studies].tolist(),
        f"{radiographs['notice']} For research only, not for clinical use.",
    )


def draw_figures(
    config: EvaluationConfig,
    metrics: pd.DataFrame,
    reference_labels: pd.DataFrame,
    **histories: pd.DataFrame,
) -> tuple[Figure, Figure, Figure]:
    """Plot intervals, F1 by label and learning curves."""
    from coherent_cxr.evaluation.report.figures.results import results_figures

    judged = reference_labels[reference_labels["rules"] == reference_labels["rules"].iloc[0]]
    positives = (judged.set_index("study_id") == 1).sum()
    return results_figures(config, metrics, positives, COMPARED, histories)
