"""AUROC and calibration of the encoder's label classifier."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.evaluation.statistics.bootstrap import patient_weights, percentile_interval

Array = NDArray[np.float64]
MEAN = "mean"
FEWEST = 10
"""Positives from which a label counts in the mean; below, its area is mostly chance."""
SCORED_SPLITS = ("validation", "test")


def label_quality(
    label_scores: pd.DataFrame, labels: pd.DataFrame, splits: pd.DataFrame, resamples: int, seed: int
) -> pd.DataFrame:
    """Measure the area under the ROC curve of every label, with its interval over patients.

    Args:
        label_scores: ``study_id`` and a score per observation.
        labels: ``study_id`` and the 14 observations (1, 0, -1, missing); only 1 is positive.
        splits: ``study_id``, ``patient_id``, ``split``.
        resamples: Bootstrap resamples of the patients.
        seed: Their seed.

    Returns:
        ``split``, ``observation``, ``studies``, ``positives``, ``auroc``, ``low``, ``high``: one row per
        label with both a positive and another study, and one ``mean`` over those with ten positives or more.
    """
    rows = []
    by_study = labels.set_index("study_id")
    for split in SCORED_SPLITS:
        of_split = label_scores.merge(splits[splits["split"] == split], on="study_id")
        of_split = of_split[of_split["study_id"].isin(by_study.index)]
        if of_split.empty:
            continue
        truth = by_study.loc[of_split["study_id"], list(OBSERVATIONS)].eq(1).fillna(value=False)
        weights = patient_weights(of_split["patient_id"].astype(str).tolist(), resamples, seed)
        counted: list[tuple[float, Array]] = []
        for name in OBSERVATIONS:
            positive = truth[name].to_numpy(dtype=bool)
            if not 0 < positive.sum() < len(positive):
                continue
            scores = of_split[name].to_numpy(np.float64)
            area = float(weighted_auroc(scores, positive, np.ones((1, len(scores))))[0])
            resampled = weighted_auroc(scores, positive, weights)
            rows.append(_row(split, name, len(positive), int(positive.sum()), area, resampled))
            if positive.sum() >= FEWEST:
                counted.append((area, resampled))
        if counted:
            mean = float(np.mean([area for area, _ in counted]))
            resampled = np.mean([areas for _, areas in counted], axis=0)
            rows.append(_row(split, MEAN, len(of_split), 0, mean, resampled))
    columns = ["split", "observation", "studies", "positives", "auroc", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def weighted_auroc(scores: Array, positive: NDArray[np.bool_], weights: Array) -> Array:
    """Return the area under the ROC curve of weighted studies, for many weightings at once.

    Args:
        scores: Higher means more likely positive ``(studies,)``; equal ones count one half.
        positive: ``(studies,)``.
        weights: How often each study counts, 0 or more ``(resamples, studies)``.

    Returns:
        ``(resamples,)``; NaN where a resample has no positive, or nothing but positives.
    """
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    weights, positive = weights[:, order], positive[order]
    # sums over each group of equal scores (resamples, groups)
    of_positives = np.add.reduceat(weights * positive, starts, axis=1)
    of_others = np.add.reduceat(weights * ~positive, starts, axis=1)
    below = np.cumsum(of_others, axis=1) - of_others
    pairs = of_positives.sum(axis=1) * of_others.sum(axis=1)
    won = (of_positives * (below + of_others / 2)).sum(axis=1)
    areas = np.full(len(weights), np.nan)
    np.divide(won, pairs, out=areas, where=pairs > 0)
    return areas


def reliability(probabilities: Array, truth: NDArray[np.bool_], bins: int = 10) -> pd.DataFrame:
    """Compare probabilities with how often they come true, in bins of equal width.

    Args:
        probabilities: ``(studies, labels)``, 0 to 1.
        truth: Whether a study shows a label ``(studies, labels)``.
        bins: Bins between 0 and 1; empty ones are left out.

    Returns:
        ``predicted`` (mean probability), ``observed`` (share of positives), ``decisions`` of each bin.
    """
    flat = pd.DataFrame({"predicted": probabilities.ravel(), "observed": truth.ravel().astype(float)})
    if flat.empty:
        return pd.DataFrame(columns=["predicted", "observed", "decisions"])
    groups = np.minimum((flat["predicted"] * bins).astype(int), bins - 1)
    table = flat.groupby(groups).agg(
        predicted=("predicted", "mean"), observed=("observed", "mean"), decisions=("observed", "size")
    )
    return table.reset_index(drop=True)


def label_reliability(
    probabilities: pd.DataFrame, labels: pd.DataFrame, splits: pd.DataFrame
) -> pd.DataFrame:
    """Compare probabilities with what came true, over all labels of the validation and of the test split.

    Args:
        probabilities: ``study_id`` and a probability per observation.
        labels: ``study_id`` and the 14 observations; only 1 is positive.
        splits: ``study_id``, ``split``.

    Returns:
        ``split``, ``predicted``, ``observed``, ``decisions``.
    """
    by_study = labels.set_index("study_id")[list(OBSERVATIONS)].eq(1).fillna(value=False)
    tables = []
    for split in SCORED_SPLITS:
        studies = splits.loc[splits["split"] == split, "study_id"]
        own = probabilities[probabilities["study_id"].isin(set(studies) & set(by_study.index))]
        truth = by_study.loc[own["study_id"]].to_numpy(dtype=bool)
        table = reliability(own[list(OBSERVATIONS)].to_numpy(np.float64), truth)
        tables.append(table.assign(split=split))
    return pd.concat(tables, ignore_index=True)[["split", "predicted", "observed", "decisions"]]


def _row(
    split: str, name: str, studies: int, positives: int, area: float, resampled: Array
) -> tuple[str, str, int, int, float, float, float]:
    known = resampled[~np.isnan(resampled)]
    if not len(known):
        return split, name, studies, positives, area, np.nan, np.nan
    interval = percentile_interval(known)
    return split, name, studies, positives, area, float(interval.low), float(interval.high)
