"""Diversity: shows systems that generate one report for all studies, or copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from coherent_cxr.evaluation.metrics.measures import Array, Measure, Metric, SumMeasure, ratio

CHANGED: Final = "reports changed by removal"
"""Share of reports from which a repeated sentence was removed; at 0 the removal does nothing."""


def diversity_measures(
    candidates: Sequence[str],
    references: Sequence[str],
    training: Sequence[str],
    repeats: NDArray[np.int64],
) -> list[Measure]:
    """Return every measure of sameness.

    Args:
        candidates: Generated reports, tokens joined by spaces.
        references: Their references.
        training: Reports of the training split, in the same tokenisation.
        repeats: Sentences of each report that stood earlier in it, and all its sentences ``(studies, 2)``.
    """
    known = set(training)
    per_report = np.column_stack(
        [
            [len(text.split()) for text in candidates],
            [len(text.split()) for text in references],
            repeats,
            [text in known for text in candidates],
            np.asarray(repeats)[:, 0] > 0,
            np.ones(len(candidates)),
        ]
    ).astype(np.float64)
    names = ["length ratio", "repeat rate", "copied from training", "words per report", CHANGED]
    sums = SumMeasure([Metric(name) for name in names], per_report, _of_sums)
    return [sums, DistinctMeasure.of(candidates)]


def _of_sums(sums: Array) -> Array:
    words, reference_words, repeated, sentences, copied, changed, reports = sums.T
    pairs = (
        *((words, reference_words), (repeated, sentences), (copied, reports), (words, reports)),
        (changed, reports),
    )
    return np.stack([ratio(above, below) for above, below in pairs], axis=1)


@dataclass(frozen=True)
class DistinctMeasure:
    """Distinct n-grams per n-gram (Li et al. 2016), distinct reports, and the share of the commonest report.

    Attributes:
        grams: For n = 1, 2: how often each n-gram stands in each report ``(n-grams, studies)``.
        reports: Which report each study got ``(different reports, studies)``.
    """

    grams: tuple[csr_matrix, ...]
    reports: csr_matrix

    metrics = tuple(
        Metric(name) for name in ("distinct-1", "distinct-2", "unique reports", "commonest report")
    )
    centred = True

    @classmethod
    def of(cls, candidates: Sequence[str]) -> DistinctMeasure:
        """Count n-grams and reports."""
        place: dict[str, int] = {}
        # report by report: the words of all reports at once are the most memory of an evaluation
        words = (place.setdefault(word, len(place)) for text in candidates for word in text.split())
        ids = np.fromiter(words, dtype=np.int64)
        study = np.repeat(np.arange(len(candidates)), [len(text.split()) for text in candidates])
        follows = study[1:] == study[:-1]
        pairs = (ids[:-1] * len(place) + ids[1:])[follows]
        given = {text: row for row, text in enumerate(dict.fromkeys(candidates))}
        reports = np.array([given[text] for text in candidates], dtype=np.int64)
        count = len(candidates)
        grams = (_counts(ids, study, count), _counts(pairs, study[1:][follows], count))
        return cls(grams, _counts(reports, np.arange(count), count))

    def values(self, weights: Array) -> Array:
        """Return the metrics for each weighting; an n-gram counts if any study with it is in the resample."""
        drawn = (weights > 0).astype(np.float32).T
        columns = []
        for counts in (*self.grams, self.reports):
            distinct = (counts @ drawn > 0).sum(axis=0)
            total = np.asarray(counts.sum(axis=0)).ravel() @ weights.T
            columns.append(ratio(distinct.astype(np.float64), total))
        times = self.reports @ weights.T
        columns.append(ratio(times.max(axis=0), times.sum(axis=0)))
        return np.stack(columns, axis=1)


def _counts(items: NDArray[np.int64], studies: NDArray[np.int64], count: int) -> csr_matrix:
    """Count items by study ``(different items, studies)``, in a small type."""
    _, rows = np.unique(items, return_inverse=True)
    shape = (int(rows.max(initial=0)) + 1, count)
    return csr_matrix((np.ones(len(rows), np.float32), (rows, studies)), shape=shape)
