"""Where attention goes when a finding is denied (the question Liu et al. 2019 leave open in section 5)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coherent_cxr.chexpert import NEGATIVE, OBSERVATIONS, POSITIVE
from coherent_cxr.evaluation.attention_maps import AttendedMention
from coherent_cxr.evaluation.bootstrap import paired_p_value, patient_weights, percentile_interval

HOME_SHARE = 0.25
"""Share of the regions that are called an observation's home: where its affirmed mentions look most."""
ALL = "all observations"


def attention_by_status(
    mentions: Sequence[AttendedMention], resamples: int, seed: int, fewest: int = 5
) -> pd.DataFrame:
    """Compare denied with affirmed mentions.

    Three numbers per mention: the share on the sentinel (0 to 1; how far the model looks away), the share of
    regions it effectively uses (exp of the map's entropy over the number of regions, 0 to 1; 1 is an even
    look at everything), and the share of the map in the observation's home. Where the generator writes
    finding marks, a fourth: the share on the sentinel while the mark of the mention's sentence was written.

    Args:
        mentions: Mentions with their maps.
        resamples: Bootstrap resamples of the studies.
        seed: Seed of the resamples.
        fewest: Mentions of either status that an observation needs to be compared.

    Returns:
        One row per observation and measure, and over all of them: ``observation``, ``measure``, ``affirmed``,
        ``denied`` (means), ``difference`` (denied minus affirmed), ``low``, ``high``, ``p_value``,
        ``affirmed_mentions``, ``denied_mentions``.
    """
    kept = {
        name: [m for m in mentions if m.observation == name and m.status in (POSITIVE, NEGATIVE)]
        for name in OBSERVATIONS
    }
    kept = {
        name: own
        for name, own in kept.items()
        if min(sum(m.status == s for m in own) for s in (POSITIVE, NEGATIVE)) >= fewest
    }
    measures = ["sentinel", "regions used", "home"]
    if all(m.mark_sentinel is not None for own in kept.values() for m in own):
        measures.append("mark sentinel")
    homes = {name: home(mean_map(own, POSITIVE)) for name, own in kept.items()}
    groups = {**kept, ALL: [mention for own in kept.values() for mention in own]} if kept else {}
    rows = []
    for name, own in groups.items():
        values = np.array([_numbers(mention, homes[mention.observation]) for mention in own])
        values = values[:, : len(measures)]
        affirmed = np.array([mention.status == POSITIVE for mention in own])
        weights = patient_weights([str(mention.study) for mention in own], resamples, seed)
        weights = np.vstack([np.ones(len(own)), weights])
        means = [_weighted_mean(weights[:, side], values[side]) for side in (affirmed, ~affirmed)]
        difference = means[1] - means[0]
        resampled = difference[1:]
        resampled = resampled[~np.isnan(resampled).any(axis=1)]  # a resample may lack one of the two
        interval, p_value = percentile_interval(resampled), paired_p_value(resampled)
        counts = (int(affirmed.sum()), int((~affirmed).sum()))
        for column, measure in enumerate(measures):
            low, high = interval.low[column], interval.high[column]
            sides = (means[0][0, column], means[1][0, column], difference[0, column])
            rows.append((name, measure, *sides, low, high, p_value[column], *counts))
    columns = ["observation", "measure", "affirmed", "denied", "difference", "low", "high", "p_value"]
    return pd.DataFrame(rows, columns=[*columns, "affirmed_mentions", "denied_mentions"])


def mean_map(mentions: Sequence[AttendedMention], status: int) -> NDArray[np.float64]:
    """Return the mean map of the mentions of one status ``(rows, columns)``."""
    return np.asarray(np.mean([m.regions for m in mentions if m.status == status], axis=0))


def home(regions: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the regions with the largest shares, a quarter of all ``(rows, columns)``."""
    count = max(round(HOME_SHARE * regions.size), 1)
    chosen = np.zeros(regions.size, dtype=bool)
    chosen[np.argsort(-regions.ravel(), kind="stable")[:count]] = True
    return chosen.reshape(regions.shape)


def _numbers(mention: AttendedMention, at_home: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    shares = mention.regions.ravel()
    entropy = -(shares * np.log(np.maximum(shares, 1e-12))).sum()
    used, home_share = float(np.exp(entropy)) / shares.size, float(mention.regions[at_home].sum())
    return (
        mention.sentinel,
        used,
        home_share,
        np.nan if mention.mark_sentinel is None else mention.mark_sentinel,
    )


def _weighted_mean(weights: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    total = weights.sum(axis=1, keepdims=True)
    mean: NDArray[np.float64] = np.full((len(weights), values.shape[1]), np.nan)
    np.divide(weights @ values, total, out=mean, where=total > 0)
    return mean
