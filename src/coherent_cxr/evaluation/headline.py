"""Headline metrics of a system."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from coherent_cxr.chexpert.observations import OBSERVATIONS, how_many
from coherent_cxr.evaluation.metrics.measures import Metric
from coherent_cxr.evaluation.metrics.protocols import IN_WORDS, column_name
from coherent_cxr.evaluation.scoring import Scores
from coherent_cxr.rewards.clinical.f1_means import F1_MEANS

UNCERTAIN_IN_WORDS = {
    "as_negative": "uncertain counts as negative",
    "as_positive": "uncertain counts as positive",
    "ignore": "cells with an uncertain label are left out",
}


FIRST = ("BLEU-4", "CIDEr-D")
"""The metrics of language that a model card gives with their intervals, before those of the first judge."""
LANGUAGE = ("BLEU-1", "BLEU-4", "ROUGE-L", "CIDEr-D")


def headline_groups(uncertain: str, judges: Sequence[str]) -> dict[str, dict[str, Metric]]:
    """Return the headline's tables: heading, then metric by short name; each names its protocol or its judge.

    Language is there in every protocol, asked for or not.


    Args:
        uncertain: What an uncertain label counts as.
        judges: Rule sets, in the order in which they are shown.
    """
    groups = {}
    for protocol in IN_WORDS:
        names = [column_name(name, protocol) for name in LANGUAGE]
        groups[f"Language, {protocol} tokens"] = {name: Metric(name) for name in names}
    for rules in judges:
        columns = {"accuracy": Metric("accuracy", how_many(), "macro", uncertain)}
        columns |= {mean.name: Metric("F1", mean.labels, mean.average, uncertain) for mean in F1_MEANS}
        columns["CCR"] = Metric("CCR")
        groups[f"Findings, judged by rule set {rules}"] = {
            f"{name} {rules}": metric._replace(rules=rules) for name, metric in columns.items()
        }
    return groups


def headline_metrics(uncertain: str, judges: Sequence[str]) -> dict[str, Metric]:
    """Return all columns of :func:`headline_groups`: metric by short name."""
    groups = headline_groups(uncertain, judges).values()
    return {name: metric for columns in groups for name, metric in columns.items()}


def first_intervals(metrics: pd.DataFrame, system: str) -> dict[str, tuple[float, float, float]]:
    """Return value and interval of a system's first metrics, as far as the table has them.

    Args:
        metrics: One row a number, with the fields of :class:`Metric`, ``value``, ``low`` and ``high``.
        system: Its name.
    """
    judge = next((str(rules) for rules in metrics["rules"] if rules), "corrected")
    names = headline_metrics("as_negative", [judge])
    numbers = ["value", "low", "high"]
    own = metrics[metrics["system"] == system].dropna(subset=numbers)
    found = {}
    for name in (*FIRST, f"macro-F1-10 {judge}", f"micro-{len(OBSERVATIONS)}-F1 {judge}"):
        rows = own
        for field, value in zip(("metric", *Metric._fields[1:]), names[name], strict=True):
            rows = rows[rows[field] == value]
        if len(rows) == 1:
            number, low, high = map(float, rows[numbers].iloc[0])
            found[name] = (number, low, high)
    return found


def summarise(scores: Scores, uncertain: str) -> dict[str, dict[str, float | None]]:
    """Return ``{system: {short name: value}}``; None where a system has no such metric."""
    judges = [rules for rules in dict.fromkeys(metric.rules for metric in scores.metrics) if rules]
    columns = {name: m for name, m in headline_metrics(uncertain, judges).items() if m in scores.metrics}
    summary: dict[str, dict[str, float | None]] = {}
    for system in scores.systems:
        values = {name: scores.value(system, metric) for name, metric in columns.items()}
        summary[system] = {name: None if math.isnan(value) else value for name, value in values.items()}
    return summary
