"""The headline table: values, intervals, and which differences are significant."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from coherent_cxr.chexpert.observations import how_many
from coherent_cxr.evaluation.judges.registry import JUDGES
from coherent_cxr.evaluation.metrics.diversity import CHANGED
from coherent_cxr.evaluation.metrics.label_sets import LABEL_SETS
from coherent_cxr.evaluation.metrics.language import REPEATS_KEPT
from coherent_cxr.evaluation.metrics.measures import Metric
from coherent_cxr.evaluation.metrics.protocols import Protocol, column_name
from coherent_cxr.evaluation.tables import ByMetric

SIGNIFICANT = 0.05
"""Differences with an adjusted p-value below this are called significant."""


class Cell(NamedTuple):
    """One number of the table.

    Attributes:
        value: Measured value.
        low: Lower end of its 95 % interval.
        high: Upper end.
        rank: ``best``, ``like best`` (the difference from the best is not significant), ``worse``, or
            ``oracle`` of a system that was given the true labels and so competes with none.
    """

    value: float
    low: float
    high: float
    rank: str


class Headline(NamedTuple):
    """Columns, and by system one cell per column (None: not run); the same findings in words."""

    columns: list[str]
    rows: dict[str, list[Cell | None]]
    sentences: list[str]


def headline(
    metrics: ByMetric,
    comparisons: ByMetric,
    columns: Mapping[str, Metric],
    keep_absent: bool = False,
    oracles: Collection[str] = (),
) -> Headline:
    """Put the headline together.

    Args:
        metrics: All metrics.
        comparisons: All paired differences.
        columns: Metric by short name.
        keep_absent: Whether a metric that no system has keeps its column.
        oracles: Systems that were given the labels of the references; never the best.
    """
    rows: dict[str, list[Cell | None]] = {system: [] for system in metrics.systems}
    names, sentences = [], []
    for name, metric in columns.items():
        table = metrics.rows(metric).set_index("system")
        if table.empty and not keep_absent:
            continue
        names.append(name)
        if table.empty:
            for cells in rows.values():
                cells.append(None)
            continue
        competing = table.drop(index=[system for system in oracles if system in table.index])
        p_values = {} if competing.empty else against_best(competing, comparisons.rows(metric))
        for system in metrics.systems:
            rows[system].append(_cell(table, competing, p_values, system) if system in table.index else None)
        if not competing.empty:
            sentences.append(_sentence(name, competing, p_values))
    return Headline(names, rows, sentences)


def against_best(table: pd.DataFrame, comparisons: pd.DataFrame) -> dict[str, float]:
    """Return the p-value of each system's difference from the best one.

    The best is chosen by the values that are then compared, so the p-values are those adjusted for all pairs.
    """
    best = str(table["value"].idxmax())
    with_best = comparisons[(comparisons["system"] == best) | (comparisons["other"] == best)]
    others = np.where(with_best["system"] == best, with_best["other"], with_best["system"])
    return {best: 1.0, **dict(zip(map(str, others), with_best["adjusted_p_value"].tolist(), strict=True))}


def _cell(table: pd.DataFrame, competing: pd.DataFrame, p_values: Mapping[str, float], system: str) -> Cell:
    value, low, high = (float(table[column].to_dict()[system]) for column in ("value", "low", "high"))
    if system not in competing.index:
        rank = "oracle"
    elif value == competing["value"].max():
        rank = "best"
    else:
        rank = "like best" if p_values.get(system, 0.0) >= SIGNIFICANT else "worse"
    return Cell(value, low, high, rank)


def _sentence(name: str, table: pd.DataFrame, p_values: Mapping[str, float]) -> str:
    best = str(table["value"].idxmax())
    others = [str(s) for s in table.sort_values("value", ascending=False).index if s != best]
    chance = [s for s in others if p_values.get(s, 0.0) >= SIGNIFICANT]
    first = f"{name}: {best} is highest with {table['value'].max():.3f}"
    if not others:
        return f"{first}."
    if not chance:
        return f"{first}; its lead over every other system is significant."
    if len(chance) == len(others):
        return f"{first}, but its lead over no other system is significant."
    return f"{first}; its lead over {listed(chance)} is not significant, over the others it is."


def listed(names: Sequence[str]) -> str:
    """Return names as one reads them; those with a comma in quotation marks."""
    quoted = [f"“{name}”" if "," in name else name for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def other_columns(
    uncertain: str, protocols: Sequence[Protocol], judges: Sequence[str]
) -> dict[str, dict[str, Metric]]:
    """Return the further tables of the page: heading, then metric by short name; each judge has its own.

    Args:
        uncertain: What an uncertain label counts as.
        protocols: Those that language was measured by; METEOR and repeated sentences by the first alone.
        judges: Rule sets that judged; each has its own clinical tables.
    """
    language = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr-D")
    first = protocols[0]
    sameness = (
        "words per report",
        "length ratio",
        "distinct-1",
        "distinct-2",
        "unique reports",
        "commonest report",
        "repeat rate",
        CHANGED,
        "copied from training",
    )
    tables = {
        f"Language, {protocol} tokens": {
            name: Metric(column_name(name, protocol))
            for name in (*language, *(("METEOR",) if protocol == first else ()))
        }
        for protocol in protocols
    }
    tables |= {
        f"Language, {first} tokens, repeated sentences kept": {
            name: Metric(f"{column_name(name, first)}, {REPEATS_KEPT}") for name in language
        },
        "Diversity": {name: Metric(name) for name in sameness},
    }
    tables["Judges"] = {str(metric): metric for kind in JUDGES for metric in kind.metrics}
    clinical = _clinical_columns(uncertain)
    for heading, columns in clinical.items():
        for rules in judges:
            judged = {name: metric._replace(rules=rules) for name, metric in columns.items()}
            tables[f"{heading}, judged by rule set {rules}"] = judged
    return tables


def _clinical_columns(uncertain: str) -> dict[str, dict[str, Metric]]:
    tables, findings = {}, how_many("findings")
    for labels in LABEL_SETS:
        for policy, word in _POLICIES.items():
            columns = {
                f"{average} {name}": Metric(name, labels, average, policy)
                for average in ("micro", "macro")
                for name in ("precision", "recall", "F1")
            }
            columns["weighted F1"] = Metric("F1", labels, "weighted", policy)
            columns["macro specificity"] = Metric("specificity", labels, "macro", policy)
            columns["macro accuracy"] = Metric("accuracy", labels, "macro", policy)
            columns["F1 per example"] = Metric("F1", labels, "example", policy)
            tables[f"{labels}, uncertain {word}"] = columns
    tables[f"Positives and negatives apart ({findings})"] = {
        "F1 of positives, micro": Metric("F1", findings, "micro", uncertain),
        "F1 of positives, macro": Metric("F1", findings, "macro", uncertain),
        "F1 of negatives, micro": Metric("F1 of negatives", findings, "micro"),
        "F1 of negatives, macro": Metric("F1 of negatives", findings, "macro"),
        "recall of negatives, micro": Metric("recall of negatives", findings, "micro"),
        "CCR": Metric("CCR"),
    }
    return tables


_POLICIES = {"as_negative": "as negative", "as_positive": "as positive", "ignore": "ignored"}
