"""Nodes of the stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pandas as pd
from torch import Tensor

from coherent_cxr.chexpert.tables import ChexpertLabellingConfig
from coherent_cxr.configuration import Settings, require
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.metrics.measures import Metric
from coherent_cxr.evaluation.systems import (
    judge_labels,
    label_reports,
    outputs_of,
    references_of,
    same_for_all,
    studies_of_split,
    without_repeated_sentences,
)
from coherent_cxr.evaluation.tables import rows_of
from coherent_cxr.images.store import ImageStore
from coherent_cxr.inference.generation import GenerationConfig, Likely, generate_reports
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.image_encoder.pretrained import PretrainedEncoder
from coherent_cxr.reports.priors import priors_of
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.rewards import CiderD
from coherent_cxr.training.baselines.train import BaselinesConfig, run_baselines
from coherent_cxr.training.encoder.decisions import (
    best_thresholds,
    call_labels,
    label_probabilities,
)

CLASSIFIER, MEDOID = "label classifier", "medoid"
PERFECT = "perfect thresholds"
SHOWN = (CLASSIFIER, MEDOID, "mle")


class AblationConfig(Settings):
    """Settings of the stage ``ablation``.

    Attributes:
        split: Whose studies are judged. Settings are compared on ``validation``; ``test`` is for the table of
            what has been chosen.
        operating_point: Whose thresholds decide.
    """

    split: Literal["validation", "test"]
    operating_point: str


def ablate(
    config: AblationConfig,
    generation: GenerationConfig,
    evaluation: EvaluationConfig,
    labelling: ChexpertLabellingConfig,
    baselines: BaselinesConfig,
    image_store: ImageStore,
    pretrained_encoder: dict[str, Tensor],
    vocabulary: dict[str, Any],
    encoded_reports: pd.DataFrame,
    findings: pd.DataFrame,
    chexpert_labels: pd.DataFrame,
    label_scores: pd.DataFrame,
    label_thresholds: pd.DataFrame,
    splits: pd.DataFrame,
    document_frequencies: dict[str, Any],
    mle_model: ModelBundle,
) -> pd.DataFrame:
    """Judge label classifier, medoid and generator with the decisions there are, and with perfect ones.

    Returns:
        ``system`` with its decisions, ``column`` of the headline, ``value`` with its interval over patients
        (``low``, ``high``), and the ``split``.

    Raises:
        ConfigurationError: If the operating point has no thresholds.
    """
    from coherent_cxr.evaluation import headline, scoring

    points = list(dict.fromkeys(label_thresholds["operating_point"]))
    point = config.operating_point
    require(point in points, "ablation.operating_point", point, f"one of {', '.join(points)}")
    studies = studies_of_split(findings, splits, image_store.index["study_id"], config.split)
    scores_of_split = label_scores[label_scores["study_id"].isin(studies)]
    decisions = {
        config.operating_point: call_labels(scores_of_split, label_thresholds, config.operating_point),
        PERFECT: call_labels(scores_of_split, best_thresholds(scores_of_split, chexpert_labels), PERFECT),
        "true labels": chexpert_labels,
    }
    reports, labels = [], []
    for name, calls in decisions.items():
        compared = run_baselines(
            baselines.replace(systems=(CLASSIFIER, MEDOID)),
            image_store,
            PretrainedEncoder.from_tensors(pretrained_encoder),
            Vocabulary.from_dict(vocabulary),
            encoded_reports,
            findings,
            chexpert_labels,
            calls,
            studies,
        )
        reports.append(compared.reports.assign(system=f"{MEDOID}, {name}"))
        labels.append(compared.labels.assign(system=f"{CLASSIFIER}, {name}"))
    by_label = label_thresholds.drop_duplicates("observation")
    usual = dict(zip(by_label["observation"], by_label["prevalence"], strict=True))
    known: Mapping[str, pd.DataFrame | Likely | None] = {
        "words alone": None,
        "evidence": Likely(label_probabilities(scores_of_split, label_thresholds), usual),
        **decisions,
    }
    labeler, priors = labelling.labeler(), priors_of(splits, findings)
    cider = CiderD.from_dict(document_frequencies)
    for name, what in known.items():
        if what is not None and not mle_model.follows_decisions:
            continue
        arguments = mle_model, image_store, studies, generation, what, labeler
        reports.append(generate_reports(*arguments, priors=priors).assign(system=f"mle, {name}"))
        if name != PERFECT:
            chosen = generate_reports(*arguments, "consensus", cider, priors)
            reports.append(chosen.assign(system=f"mle, {name}, consensus"))
    generated = without_repeated_sentences(pd.concat(reports, ignore_index=True), generation.remove_repeats)
    judges = labelling.judges()
    texts = findings[findings["study_id"].isin(studies)]
    references = references_of(
        studies,
        findings,
        judge_labels(judges, texts["text"], {"study_id": texts["study_id"]}),
        splits,
    )
    judged = pd.concat(
        [same_for_all(judges, pd.concat(labels, ignore_index=True)), label_reports(judges, generated)],
        ignore_index=True,
    )
    scores = scoring.score_systems(evaluation, outputs_of(generated, judged, references), references)
    judged_by = [judge.name for judge in judges]
    columns = headline.headline_metrics(evaluation.uncertain, judged_by)
    return intervals(scoring.metrics_table(scores), columns).assign(split=config.split)


def intervals(metrics: pd.DataFrame, columns: Mapping[str, Metric]) -> pd.DataFrame:
    """Cut the headline's columns out of all metrics.

    Returns:
        ``system``, ``column``, ``value``, ``low``, ``high``: systems in the order label classifier, medoid,
        generator; one row per column that a system has.
    """
    tables = [rows_of(metrics, metric).assign(column=name) for name, metric in columns.items()]
    table = pd.concat(tables).reset_index()[["system", "column", "value", "low", "high"]]
    systems = sorted(dict.fromkeys(table["system"]), key=lambda name: SHOWN.index(name.partition(",")[0]))
    return table.sort_values(
        "system", key=lambda own: own.map(systems.index), kind="stable", ignore_index=True
    )
