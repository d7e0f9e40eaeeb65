"""What changed between two runs, and whether the change is significant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from coherent_cxr.evaluation.metrics.measures import Array
from coherent_cxr.evaluation.statistics.bootstrap import paired_p_value, percentile_interval
from coherent_cxr.evaluation.statistics.resamples import Resamples, why_not_paired

Summary = Mapping[str, Mapping[str, float | None]]


class Range(NamedTuple):
    """A 95 % interval."""

    low: float
    high: float


class Paired(NamedTuple):
    """What the same resamples of the same patients say about a difference.

    Attributes:
        interval: 95 % interval of second minus first.
        p_value: Two-sided.
        standing: ``higher`` or ``lower`` if the interval excludes 0, ``same`` if the two are equal in every
            resample, else ``chance``.
    """

    interval: Range
    p_value: float
    significance: Literal["higher", "lower", "same", "chance"]


class Change(NamedTuple):
    """A metric of a system in both runs; None where a run lacks it.

    Attributes:
        first: Value in the first run.
        second: Value in the second run.
        first_interval: Its own 95 % interval, if resamples were recorded.
        second_interval: Likewise.
        paired: About the difference, if it can be paired.
    """

    first: float | None
    second: float | None
    first_interval: Range | None = None
    second_interval: Range | None = None
    paired: Paired | None = None

    @property
    def difference(self) -> float | None:
        """Second minus first."""
        if self.first is None or self.second is None:
            return None
        return self.second - self.first


def changes(
    first: Summary,
    second: Summary,
    first_resamples: Resamples | None = None,
    second_resamples: Resamples | None = None,
) -> dict[str, dict[str, Change]]:
    """Return every metric of every system of either run.

    Args:
        first: Headline values by system and metric.
        second: Likewise.
        first_resamples: Their resamples, if the run recorded them.
        second_resamples: Likewise; paired with the first's only if both rest on the same.
    """
    pairable = not why_not_paired(first_resamples, second_resamples)
    result: dict[str, dict[str, Change]] = {}
    for system in dict.fromkeys([*first, *second]):
        before, after = first.get(system, {}), second.get(system, {})
        result[system] = {}
        for name in dict.fromkeys([*before, *after]):
            a = first_resamples.values.get((system, name)) if first_resamples else None
            b = second_resamples.values.get((system, name)) if second_resamples else None
            result[system][name] = Change(
                before.get(name),
                after.get(name),
                None if a is None else _range(a),
                None if b is None else _range(b),
                paired(b - a) if pairable and a is not None and b is not None else None,
            )
    return result


def paired(differences: Array) -> Paired:
    """Judge a difference by its resamples ``(resamples,)``."""
    interval = _range(differences)
    p_value = float(paired_p_value(differences))
    if not differences.any():
        return Paired(interval, p_value, "same")
    significance: Literal["higher", "lower", "chance"] = "chance"
    if interval.low > 0:
        significance = "higher"
    elif interval.high < 0:
        significance = "lower"
    return Paired(interval, p_value, significance)


def _range(values: Array) -> Range:
    low, high = percentile_interval(values)
    return Range(float(low), float(high))


def in_words(found: Mapping[str, Mapping[str, Change]], metrics: Sequence[str]) -> list[str]:
    """Say of each metric for which systems the difference is significant; nothing of what has no pair."""
    pairs = {
        system: {m: c for m, c in own.items() if c.paired and c.difference is not None}
        for system, own in found.items()
    }
    unmoved = [s for s, own in pairs.items() if own and all(_significance(c) == "same" for c in own.values())]
    sentences = []
    for metric in metrics:
        by_significance: dict[str, list[str]] = {}
        for system, own in pairs.items():
            if metric in own and system not in unmoved:
                significance = _significance(own[metric])
                significant = significance in ("higher", "lower")
                shown = f"{system} ({own[metric].difference:+.3f})" if significant else system
                by_significance.setdefault(significance, []).append(shown)
        parts = [
            f"{words} {', '.join(by_significance[s])}" for s, words in _WORDS.items() if s in by_significance
        ]
        if parts:
            sentences.append(f"{metric}: {'; '.join(parts)}.")
    if unmoved:
        sentences.append(f"Nothing changed for {', '.join(unmoved)}.")
    return sentences


def _significance(change: Change) -> str:
    return change.paired.significance if change.paired else ""


_WORDS = {
    "higher": "significantly higher in the second run for",
    "lower": "significantly lower in the second run for",
    "chance": "no significant difference for",
    "same": "the same for",
}
