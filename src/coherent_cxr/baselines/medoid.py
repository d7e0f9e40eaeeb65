"""Medoid: the most central training report among those with exactly the labels that were called.

It composes no text, so a text-generating system is worth its cost only above it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer

from coherent_cxr.baselines.retrieval import Tokens
from coherent_cxr.reports.text import metric_text

FEWEST = 5
"""Reports that a medoid is chosen from; where fewer have exactly the called labels, the nearest ones join."""


class Medoid:
    """Chooses a training report by the labels that the encoder's classifier calls."""

    def choose(
        self, reports: Sequence[Tokens], labels: NDArray[np.bool_], called: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Choose a report for each study.

        Args:
            reports: Training reports.
            labels: Their positive labels ``(training reports, labels)``.
            called: Positive labels of the studies to answer for ``(studies, labels)``.

        Returns:
            Row of the training report that is the answer ``(studies,)``: of those with exactly the called
            labels the one with the highest mean cosine similarity (counts of 1- to 4-grams) to the others,
            of equal ones the first.
        """
        if not len(called):
            return np.zeros(0, dtype=np.int64)
        grams = _unit_grams(reports)
        sets, of_study = np.unique(called, axis=0, return_inverse=True)
        medoids = [_medoid(grams, _candidates(labels, one)) for one in sets]
        return np.array(medoids, dtype=np.int64)[of_study.reshape(-1)]


class LabelOracle(Medoid):
    """The same by the true labels of the test studies: an upper bound, not a baseline."""


def _unit_grams(reports: Sequence[Tokens]) -> csr_matrix:
    counter = CountVectorizer(analyzer="word", ngram_range=(1, 4), token_pattern=r"\S+", lowercase=False)
    counts = counter.fit_transform([metric_text(report) for report in reports]).astype(np.float64)
    lengths = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
    return csr_matrix(counts.multiply(1 / np.maximum(lengths, 1e-12)[:, None]))


def _candidates(labels: NDArray[np.bool_], called: NDArray[np.bool_]) -> NDArray[np.int64]:
    different = (labels != called).sum(axis=1)
    exact = np.flatnonzero(different == 0)
    if len(exact) >= FEWEST:
        return exact
    return np.sort(np.argsort(different, kind="stable")[:FEWEST])


def _medoid(grams: csr_matrix, candidates: NDArray[np.int64]) -> int:
    chosen = grams[candidates]
    centre = np.asarray(chosen.sum(axis=0)).ravel()
    return int(candidates[np.argmax(np.round(chosen @ centre, 9))])
