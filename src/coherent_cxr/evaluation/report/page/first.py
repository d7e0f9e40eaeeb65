"""What the first screen says: three sentences, the headline in few columns, the quality of text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from coherent_cxr.evaluation.headline import headline_groups
from coherent_cxr.evaluation.metrics.measures import Metric
from coherent_cxr.evaluation.metrics.protocols import column_name
from coherent_cxr.evaluation.metrics.text_quality import CONTRADICTIONS, FAULTS, LATERALITY, text_quality
from coherent_cxr.evaluation.report.page.data import Background, Judged
from coherent_cxr.evaluation.report.page.headline import (
    SIGNIFICANT,
    Headline,
    against_best,
    best_of,
    headline,
    listed,
)
from coherent_cxr.evaluation.tables import ByMetric, rows_of
from coherent_cxr.rewards.clinical.f1_means import F1_MEANS

LANGUAGE = ("BLEU-4", "ROUGE-L", "CIDEr-D")
MEANS = ("macro-F1-10", "macro-F1")
"""The first that is defined stands for the findings; small test splits may lack labels with ten positives."""
CLASSIFIER = "label classifier"
FEW_POSITIVES = 10
MOST_NAMED = 3


class FirstScreen(NamedTuple):
    """Contents of the first screen.

    Attributes:
        sentences: What is best, how far it leads, what to distrust.
        table: The headline in few columns.
        quality: Faults of the texts, and laterality.
        reference_rates: The faults of the references, by name.
        system: The system whose reports are shown.
    """

    sentences: list[str]
    table: Headline
    quality: Headline
    reference_rates: Mapping[str, float]
    system: str


def first_screen(
    judged: Judged, background: Background, metrics: ByMetric, comparisons: ByMetric
) -> FirstScreen:
    """Put the first screen together."""
    columns = few_columns(judged)
    quality = {name: Metric(name) for name in (*FAULTS, LATERALITY)}
    rates = text_quality(judged.labeler).rates(judged.references)
    shown = judged.shown_system(background)
    table = headline(metrics, comparisons, columns, oracles=judged.oracles)
    found = headline(metrics, comparisons, quality)
    with_text = {name: cells for name, cells in found.rows.items() if any(cells)}
    sentences = [
        _best(metrics, comparisons, columns, judged),
        _distance(metrics, comparisons, columns, judged, background, shown),
        _distrust(metrics, judged, background, shown, rates),
    ]
    return FirstScreen([s for s in sentences if s], table, found._replace(rows=with_text), rates, shown)


def few_columns(judged: Judged) -> dict[str, Metric]:
    """Return the headline in few columns: by the first protocol and the first judge.

    ``macro-F1`` stands there only where no label has the positives that ``macro-F1-10`` needs.
    """
    protocol, rules = judged.config.protocols[0], judged.judges[0]
    groups = headline_groups(judged.config.uncertain, judged.judges)
    of_judge = groups[f"Findings, judged by rule set {rules}"]
    columns = {name: Metric(column_name(name, protocol)) for name in LANGUAGE}
    means = [name for name in MEANS if len(rows_of(judged.metrics, of_judge[f"{name} {rules}"]))]
    micro = "micro-5-F1" if f"micro-5-F1 {rules}" in of_judge else F1_MEANS[0].name
    return columns | {name: of_judge[f"{name} {rules}"] for name in (*means[:1], micro, "CCR")}


def _best(metrics: ByMetric, comparisons: ByMetric, columns: Mapping[str, Metric], judged: Judged) -> str:
    parts = []
    for what, names in (("findings", MEANS), ("language", ("CIDEr-D", "BLEU-4"))):
        for name in (name for name in names if name in columns):
            table = metrics.rows(columns[name]).set_index("system")
            table = table.drop(index=[s for s in judged.oracles if s in table.index])
            if len(table):
                values = {str(system): float(value) for system, value in table["value"].items()}
                best = best_of(values)
                lead = _lead(values, against_best(values, comparisons.records(columns[name])))
                parts.append(f"best in {what}: {best} ({name} {values[best]:.3f}{lead})")
                break
    words = "; ".join(parts)
    return f"{words[:1].upper()}{words[1:]}." if parts else ""


def _lead(values: Mapping[str, float], p_values: Mapping[str, float]) -> str:
    if len(values) < 2:
        return ""
    best = best_of(values)
    level = [system for system in values if system != best and p_values.get(system, 0.0) >= SIGNIFICANT]
    if not level:
        return ", significantly ahead of all others"
    if len(level) == len(values) - 1:
        return ", significantly ahead of none"
    level = sorted(level, key=lambda system: -values[system])
    return f", significantly ahead of all but {_few(level)}"


def _few(names: list[str]) -> str:
    if len(names) <= MOST_NAMED:
        return listed(names)
    return f"{', '.join(names[: MOST_NAMED - 1])} and {len(names) - MOST_NAMED + 1} more"


def _distance(
    metrics: ByMetric,
    comparisons: ByMetric,
    columns: Mapping[str, Metric],
    judged: Judged,
    background: Background,
    shown: str,
) -> str:
    for name in (name for name in MEANS if name in columns):
        table = metrics.rows(columns[name]).set_index("system")
        if shown in table.index:
            break
    else:
        return ""
    rivals = [s for s in table.index if s in background.compared and s in judged.reports and s != shown]
    rivals = [s for s in rivals if s not in judged.oracles]
    beside = (
        [(table.loc[rivals, "value"].idxmax(), "the best baseline that writes reports, ")] if rivals else []
    )
    beside += [(CLASSIFIER, "the ")] if CLASSIFIER in table.index else []
    parts = [
        f"{words} {prefix}{other}"
        for other, prefix in beside
        if (words := _against(comparisons.records(columns[name]), shown, str(other)))
    ]
    role = "The champion" if background.champion else "The system shown below"
    return f"{role}, {shown}, is in {name} {', and '.join(parts)}." if parts else ""


def _against(comparisons: Iterable[Mapping[str, Any]], system: str, other: str) -> str:
    for row in comparisons:
        if {row["system"], row["other"]} == {system, other}:
            sign = 1 if row["system"] == system else -1
            difference = sign * row["difference"]
            significant = row["adjusted_p_value"] < SIGNIFICANT
            how = "significantly" if significant else "not significantly"
            where = "above" if difference >= 0 else "below"
            return f"{abs(difference):.3f} ({how}) {where}"
    return ""


def _distrust(
    metrics: ByMetric, judged: Judged, background: Background, shown: str, rates: Mapping[str, float]
) -> str:
    positives = (judged.first_codes[:, 1:] == 1).sum(axis=0)
    rare = int((positives < FEW_POSITIVES).sum())
    parts = []
    table = metrics.rows(Metric(CONTRADICTIONS)).set_index("system")
    if shown in table.index:
        own, low = float(table["value"].to_dict()[shown]), float(table["low"].to_dict()[shown])
        if low > rates[CONTRADICTIONS]:
            theirs = rates[CONTRADICTIONS]
            parts.append(
                f"its reports contradict themselves {own:.2f} times each (the references {theirs:.2f})"
            )
    if rare:
        few = f"fewer than {FEW_POSITIVES} positive studies, so their numbers say little"
        parts.append(f"{rare} of {len(positives)} findings have {few}")
    parts.append("intervals are about which patients were tested, not about training again")
    if background.histories:
        parts[-1] += " with another seed"
    return f"Distrust: {'; '.join(parts)}."
