"""Wrong reports made from right ones: one error each, which the labels confirm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.chexpert import OBSERVATIONS, POSITIVE
from coherent_cxr.chexpert.codes import DEFAULT_TYPES, columns_of

Sentence = list[str]
Report = list[Sentence]
LabelReports = Callable[[Sequence[Report]], NDArray[np.int8]]
"""Reports to label codes ``(reports, 14)``."""

FINDINGS: Final = columns_of(DEFAULT_TYPES)
DENIALS: Final = (
    (("there", "is", "no"), ("there", "is")),
    (("there", "are", "no"), ("there", "are")),
    (("is", "not"), ("is",)),
    (("are", "not"), ("are",)),
    (("without",), ("with",)),
    (("no",), ()),
)
"""Words that deny, and what is left of them when the sentence affirms instead."""
AFFIRMATIONS: Final = ((("there", "is"), ("there", "is", "no")), (("there", "are"), ("there", "are", "no")))


def flips(sentence: Sentence) -> list[Sentence]:
    """Return what a sentence can become when one denial is taken away or, without any, one put in."""
    denied = [
        [*sentence[:at], *instead, *sentence[at + len(words) :]]
        for words, instead in DENIALS
        for at in range(len(sentence) - len(words) + 1)
        if tuple(sentence[at : at + len(words)]) == words
    ]
    if denied:
        return [flipped for flipped in denied if flipped]
    return [
        [*instead, *sentence[len(words) :]]
        for words, instead in AFFIRMATIONS
        if tuple(sentence[: len(words)]) == words
    ]


def with_a_flip(report: Report, label: LabelReports) -> Report | None:
    """Return a report with one negation flipped, the first whose labels change; None if there is none."""
    for place, sentence in enumerate(report):
        tried = flips(sentence)
        if not tried:
            continue
        was, *became = label([[sentence], *([flipped] for flipped in tried)])
        for flipped, codes in zip(tried, became, strict=True):
            if ((codes == POSITIVE) != (was == POSITIVE))[FINDINGS].any():
                return replaced(report, place, flipped)
    return None


def with_a_sentence_doubled(report: Report) -> Report:
    """Return a report that says its first sentence twice."""
    return [*report[:1], *report]


def affirming(report: Report, label: LabelReports) -> int | None:
    """Return the place of the first sentence that affirms a finding; None if there is none."""
    positive = (label([[sentence] for sentence in report])[:, FINDINGS] == POSITIVE).any(axis=1)
    return int(np.argmax(positive)) if positive.any() else None


def without_a_finding(report: Report, label: LabelReports) -> Report | None:
    """Return a report without its first sentence that affirms a finding; None if nothing would be left."""
    place = affirming(report, label)
    return None if place is None or len(report) < 2 else [*report[:place], *report[place + 1 :]]


def with_another_finding(
    report: Report, label: LabelReports, sentences: dict[str, Sentence]
) -> Report | None:
    """Return a near miss: a sentence that affirms a finding, replaced by one of a finding that is not there.

    Args:
        report: The right report.
        label: Labels reports.
        sentences: A sentence that affirms it alone, by observation.
    """
    place = affirming(report, label)
    if place is None:
        return None
    here = label([report])[0]
    absent = [name for name in sentences if here[OBSERVATIONS.index(name)] in (0, 2)]
    return replaced(report, place, sentences[absent[0]]) if absent else None


def cut_to_half(report: Report) -> Report | None:
    """Return the first half of a report's sentences; None for a report of one."""
    return report[: len(report) // 2] or None


def with_words_shuffled(report: Report, dice: np.random.Generator) -> Report:
    """Return the same words in another order, in sentences of the same lengths."""
    words = [word for sentence in report for word in sentence]
    mixed = [words[i] for i in dice.permutation(len(words))]
    ends = np.cumsum([0, *map(len, report)])
    return [mixed[start:end] for start, end in pairwise(ends)]


def replaced(report: Report, place: int, sentence: Sentence) -> Report:
    """Return a report with another sentence in one place."""
    return [*report[:place], sentence, *report[place + 1 :]]


def affirming_sentences(reports: Sequence[Report], label: LabelReports) -> dict[str, Sentence]:
    """Return for each observation the most frequent sentence that affirms it and nothing else.

    Args:
        reports: Training reports.
        label: Labels reports.

    Returns:
        By observation, the most frequent first; an observation that no sentence affirms alone is missing.
    """
    counts: dict[tuple[str, ...], int] = {}
    for report in reports:
        for sentence in report:
            counts[tuple(sentence)] = counts.get(tuple(sentence), 0) + 1
    if not counts:
        return {}
    ranked = sorted(counts, key=lambda sentence: (-counts[sentence], sentence))
    positive = label([[list(sentence)] for sentence in ranked])[:, FINDINGS] == POSITIVE
    found: dict[str, Sentence] = {}
    for words, affirmed in zip(ranked, positive, strict=True):
        if affirmed.sum() == 1:
            found.setdefault(DEFAULT_TYPES[int(np.argmax(affirmed))], list(words))
    return found
