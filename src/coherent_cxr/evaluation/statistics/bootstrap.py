"""Uncertainty: bootstrap over patients, paired between systems (Efron and Tibshirani 1993; Koehn 2004)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.evaluation.metrics.measures import Array

BLOCK = 5_000_000
"""Weights that are held at a time: 40 MB. 1,000 resamples of 5,000 studies are one block."""


class Interval(NamedTuple):
    """Lower and upper end, each of the shape of the values."""

    low: Array
    high: Array


def patient_weights(patients: Sequence[str], resamples: int, seed: int) -> Array:
    """Sample patients with replacement; a sampled patient brings all their studies.

    Args:
        patients: Patient of each study.
        resamples: Number of resamples.
        seed: Seed of the sampling.

    Returns:
        How often each study counts in each resample ``(resamples, studies)``.
    """
    return np.concatenate(list(weight_blocks(patients, resamples, seed)))


def weight_blocks(patients: Sequence[str], resamples: int, seed: int, most: int = BLOCK) -> Iterator[Array]:
    """Yield what :func:`patient_weights` returns, some resamples at a time, so that memory stays bounded.

    Args:
        patients: Patient of each study.
        resamples: Number of resamples.
        seed: Seed of the sampling.
        most: Most weights of a block; a block has at least one resample.
    """
    _, patient_of_study = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    count = int(patient_of_study.max()) + 1
    generator = np.random.default_rng(seed)
    rows = max(most // len(patient_of_study), 1)
    for start in range(0, resamples, rows):
        times = np.empty((min(rows, resamples - start), count))
        for resample in times:
            resample[:] = np.bincount(generator.integers(0, count, count), minlength=count)
        yield times[:, patient_of_study]


def percentile_interval(resampled: Array, level: float = 0.95) -> Interval:
    """Percentile interval over the first axis."""
    tail = (1 - level) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail], axis=0)
    return Interval(low, high)


def centred(resampled: Array, measured: Array) -> Array:
    """Move resampled values so that their mean is the measured value.

    For measures of a whole set, such as distinct words, drawing with replacement shifts every value, because
    a patient sampled twice adds nothing; only the spread is meaningful.
    """
    moved: NDArray[np.float64] = resampled - resampled.mean(axis=0) + measured
    return moved


def paired_p_value(differences: Array) -> Array:
    """Two-sided p-value that a difference is zero, from paired resamples.

    Args:
        differences: Value of one system minus that of another in the same resample ``(resamples, ...)``.

    Returns:
        Twice the smaller share of resamples on one side of zero, at least ``2 / (resamples + 1)``.
    """
    below = (differences <= 0).sum(axis=0)
    above = (differences >= 0).sum(axis=0)
    smaller = (np.minimum(below, above) + 1) / (len(differences) + 1)
    return np.asarray(np.minimum(2 * smaller, 1.0))


def holm(p_values: Array) -> Array:
    """Adjust p-values for the number of comparisons (Holm 1979)."""
    order = np.argsort(p_values)
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1.0)
    return adjusted


def standardised(differences: Array, measured: Array) -> tuple[Array, Array]:
    """Divide a difference, and how far its resamples lie from it, by the spread of the resamples.

    Args:
        differences: Value of one system minus that of another in each resample ``(resamples, metrics)``.
        measured: The same on the studies as they are ``(metrics,)``.

    Returns:
        Size of the measured difference ``(metrics,)`` and of the deviations ``(resamples, metrics)``. Without
        any spread they are 0 where the difference is 0, and infinite where it is not.
    """
    spread = differences.std(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.where(measured == 0, 0.0, np.abs(measured) / spread)
        deviations = np.where(spread == 0, 0.0, np.abs(differences - measured) / spread)
    return size, deviations


def adjusted_p_value(size: Array, largest: Array) -> Array:
    """Adjust for all pairs of systems at once (single-step max-T; Westfall and Young 1993).

    It stays valid when the pair is chosen by the data, as in "the best against each other".

    Args:
        size: Standardised difference of one pair ``(metrics,)``.
        largest: Largest standardised deviation over all pairs in each resample ``(resamples, metrics)``.

    Returns:
        Share of resamples in which chance alone gave some pair a difference of this size ``(metrics,)``, at
        least ``1 / (resamples + 1)``.
    """
    return np.asarray(((largest >= size).sum(axis=0) + 1) / (len(largest) + 1))
