"""The few numbers that stand for a system."""

from __future__ import annotations

import math

from coherent_cxr.evaluation.measures import Metric
from coherent_cxr.evaluation.protocols import IN_WORDS, column_name
from coherent_cxr.evaluation.scoring import Scores

UNCERTAIN_IN_WORDS = {
    "as_negative": "uncertain counts as negative",
    "as_positive": "uncertain counts as positive",
    "ignore": "cells with an uncertain label are left out",
}


LANGUAGE = ("BLEU-1", "BLEU-4", "ROUGE-L", "CIDEr-D")


def headline_metrics(uncertain: str) -> dict[str, Metric]:
    """Return the headline's columns: short name and metric; language in every protocol, asked for or not.

    Args:
        uncertain: What an uncertain label counts as.
    """
    language = [column_name(name, protocol) for protocol in IN_WORDS for name in LANGUAGE]
    return {
        **{name: Metric(name) for name in language},
        "accuracy": Metric("accuracy", "14 labels", "macro", uncertain),
        "micro-F1": Metric("F1", "14 labels", "micro", uncertain),
        "macro-F1": Metric("F1", "14 labels", "macro", uncertain),
        "micro-5-F1": Metric("F1", "5 labels", "micro", uncertain),
        "CCR": Metric("CCR"),
    }


def summarise(scores: Scores, uncertain: str) -> dict[str, dict[str, float | None]]:
    """Return ``{system: {short name: value}}``; None where a system has no such metric."""
    columns = {name: m for name, m in headline_metrics(uncertain).items() if m in scores.metrics}
    summary: dict[str, dict[str, float | None]] = {}
    for system in scores.systems:
        values = {name: scores.value(system, metric) for name, metric in columns.items()}
        summary[system] = {name: None if math.isnan(value) else value for name, value in values.items()}
    return summary
