"""All sections of the page, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.headline import UNCERTAIN_IN_WORDS, headline_metrics
from coherent_cxr.evaluation.page.rendering import data_uri, render
from coherent_cxr.evaluation.page.samples import Sample, choose_samples, sample
from coherent_cxr.images.store import ImageStore
from coherent_cxr.rewards.labels import label_codes


def results_page(
    config: EvaluationConfig,
    labeler: CheXpertLabeler,
    metrics: pd.DataFrame,
    generated: pd.DataFrame,
    findings: pd.DataFrame,
    study_ids: Sequence[str],
    store: ImageStore,
    radiographs: Mapping[str, Any],
) -> str:
    """Write the page.

    Args:
        config: Settings of the evaluation.
        labeler: The labeller behind the labels.
        metrics: What :func:`~coherent_cxr.evaluation.scoring.metrics_table` gave.
        generated: ``system``, ``study_id``, ``report``.
        findings: ``study_id``, ``text``.
        study_ids: The test studies.
        store: Their images.
        radiographs: ``drawn`` and ``notice``.

    Returns:
        The page as HTML.
    """
    return render(
        "results.html",
        notice=radiographs["notice"],
        drawn=radiographs["drawn"],
        studies=len(study_ids),
        policy=UNCERTAIN_IN_WORDS[config.uncertain],
        rules=labeler.rules,
        headline=headline_table(metrics, config.uncertain),
        samples=_samples(config, labeler, generated, findings, study_ids, store),
        observations=OBSERVATIONS,
    )


def headline_table(metrics: pd.DataFrame, uncertain: str) -> dict[str, Any]:
    """Return the columns and, by system, value and interval of each headline metric."""
    names = headline_metrics(uncertain)
    keys = ["system", "metric", "labels", "average", "uncertain"]
    cells = {tuple(row[key] for key in keys): row for row in metrics.to_dict("records")}
    rows = {
        system: [cells.get((system, *metric)) for metric in names.values()]
        for system in dict.fromkeys(metrics["system"])
    }
    return {"columns": list(names), "rows": rows}


def _samples(
    config: EvaluationConfig,
    labeler: CheXpertLabeler,
    generated: pd.DataFrame,
    findings: pd.DataFrame,
    study_ids: Sequence[str],
    store: ImageStore,
) -> list[Sample]:
    texts = findings.set_index("study_id")["text"]
    codes = label_codes(labeler.label_many(texts.loc[list(study_ids)]), OBSERVATIONS)
    by_study = dict(list(generated.groupby("study_id", sort=False)))
    shown = []
    for row in choose_samples(codes, config.samples, config.seed):
        study = study_ids[row]
        reports = dict(zip(by_study[study]["system"], by_study[study]["report"], strict=True))
        said = label_codes(labeler.label_many(reports.values()), OBSERVATIONS)
        image = data_uri(store.pixels[store.rows_of_study(study)[0]], 256)
        report_codes = dict(zip(reports, said, strict=True))
        shown.append(sample(labeler, study, image, texts[study], codes[row], reports, report_codes))
    return shown
