"""METEOR, which needs Java; where there is none it is not run, and never counts as 0."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from coherent_cxr.evaluation.measures import Metric, SumMeasure, mean_measure

PROCESSES = 2


def java_is_there() -> bool:
    """Return whether a ``java`` command can be found."""
    return shutil.which("java") is not None


def meteor(candidates: Sequence[str], references: Sequence[str]) -> SumMeasure:
    """METEOR (Denkowski and Lavie 2014) through pycocoevalcap, mean over studies.

    pycocoevalcap's own total joins the counts of all segments; it is a few hundredths lower than the mean of
    their scores, which is what can be resampled.
    """
    places = np.array_split(np.arange(len(candidates)), min(PROCESSES, len(candidates)))

    def score(chosen: Sequence[int]) -> list[float]:
        from pycocoevalcap.meteor.meteor import Meteor

        wanted = {i: [references[i]] for i in chosen}
        written = {i: [candidates[i]] for i in chosen}
        scores: list[float] = Meteor().compute_score(wanted, written)[1]
        return scores

    with ThreadPoolExecutor(PROCESSES) as pool:
        scores = [score for part in pool.map(score, [p.tolist() for p in places]) for score in part]
    return mean_measure([Metric("METEOR")], np.asarray(scores, dtype=np.float64)[:, None])
