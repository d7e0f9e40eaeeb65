"""The headline table: values, intervals, and which differences are significant."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

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
        found = {str(row["system"]): row for row in metrics.records(metric)}
        if not found and not keep_absent:
            continue
        names.append(name)
        values = {system: float(row["value"]) for system, row in found.items() if system not in oracles}
        p_values = against_best(values, comparisons.records(metric)) if values else {}
        for system, cells in rows.items():
            cells.append(_cell(found[system], values, p_values) if system in found else None)
        if values:
            sentences.append(_sentence(name, values, p_values))
    return Headline(names, rows, sentences)


def against_best(values: Mapping[str, float], comparisons: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return the p-value of each system's difference from the best one.

    The best is chosen by the values that are then compared, so the p-values are those adjusted for all pairs.

    Args:
        values: By system.
        comparisons: Rows of the metric's paired differences.
    """
    best = best_of(values)
    p_values = {best: 1.0}
    for row in comparisons:
        pair = str(row["system"]), str(row["other"])
        if best in pair:
            p_values[pair[pair[0] == best]] = row["adjusted_p_value"]
    return p_values


def best_of(values: Mapping[str, float]) -> str:
    """Return the first system with the highest value; those without a number are never it."""
    return max(values, key=lambda system: -math.inf if math.isnan(values[system]) else values[system])


def _cell(row: Mapping[str, Any], values: Mapping[str, float], p_values: Mapping[str, float]) -> Cell:
    system, value = str(row["system"]), float(row["value"])
    if system not in values:
        rank = "oracle"
    elif value == values[best_of(values)]:
        rank = "best"
    else:
        rank = "like best" if p_values.get(system, 0.0) >= SIGNIFICANT else "worse"
    return Cell(value, float(row["low"]), float(row["high"]), rank)


def _sentence(name: str, values: Mapping[str, float], p_values: Mapping[str, float]) -> str:
    best = best_of(values)
    falling = sorted(values, key=lambda system: (math.isnan(values[system]), -values[system]))
    others = [system for system in falling if system != best]
    chance = [s for s in others if p_values.get(s, 0.0) >= SIGNIFICANT]
    first = f"{name}: {best} is highest with {values[best]:.3f}"
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
