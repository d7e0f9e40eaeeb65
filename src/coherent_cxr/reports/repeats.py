"""Sentences that a report repeats."""

from __future__ import annotations

from collections.abc import Sequence

from coherent_cxr.reports.sections import mark_of


def without_repeats(sentences: list[list[str]]) -> list[list[str]]:
    """Drop every sentence that stands earlier in the same section (the paper's post-processing).

    The empty sentence marks a section (:mod:`~coherent_cxr.reports.sections`); a second mark goes, too.
    """
    return [sentences[place] for place in first_ones(sentences)]


def first_ones(sentences: Sequence[Sequence[str]]) -> list[int]:
    """Return the places of sentences that do not stand earlier in the same section."""
    mark = mark_of(sentences)
    starts = [0 if mark is None or place <= mark else mark for place in range(len(sentences))]
    return [
        place
        for place, (sentence, start) in enumerate(zip(sentences, starts, strict=True))
        if sentence not in sentences[start:place]
    ]


def repeat_rate(reports: list[list[list[str]]]) -> float:
    """Share of sentences that stand earlier in the same report, over all reports, 0 to 1."""
    sentences = sum(len(report) for report in reports)
    first = sum(len(without_repeats(report)) for report in reports)
    return (sentences - first) / max(sentences, 1)
