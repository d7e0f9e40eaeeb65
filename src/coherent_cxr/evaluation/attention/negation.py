"""How attention differs when a finding is denied (the question Liu et al. 2019 leave open in section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coherent_cxr.chexpert import NEGATIVE, OBSERVATIONS, POSITIVE
from coherent_cxr.evaluation.statistics.bootstrap import (
    holm,
    paired_p_value,
    patient_weights,
    percentile_interval,
)

if TYPE_CHECKING:
    from coherent_cxr.evaluation.attention.maps import AttendedMention

REGION_SHARE = 0.25
"""Share of the regions in an observation's region of interest: those affirmed mentions attend to most."""
ALL = "all observations"
COLUMNS = (
    *("observation", "measure", "affirmed", "denied", "difference", "low", "high"),
    *("p_value", "adjusted_p_value", "affirmed_mentions", "denied_mentions"),
)
MEASURES = ("sentinel", "regions used", "region of interest", "finding token sentinel")


def attention_by_status(
    mentions: Sequence[AttendedMention], patients: Sequence[str], resamples: int, seed: int, fewest: int = 5
) -> pd.DataFrame:
    """Compare denied with affirmed mentions.

    Three numbers per mention: the share on the sentinel (0 to 1; 1 ignores the image), the share of
    regions it effectively uses (exp of the map's entropy over the number of regions, 0 to 1; 1 is an even
    map), and the share of the map in the observation's region of interest, which is taken from
    the affirmed mentions of the other half of the patients (:func:`shares_in_region`). With finding tokens
    there is a fourth: the share on the sentinel at the token of the mention's sentence.

    Args:
        mentions: Mentions with their maps.
        patients: Patient of each study, by the number of the study.
        resamples: Bootstrap resamples of the patients.
        seed: Seed of the resamples and of the halves.
        fewest: Mentions of either status that an observation needs to be compared.

    Returns:
        One row per observation and measure, and over all of them: ``observation``, ``measure``, ``affirmed``,
        ``denied`` (means), ``difference`` (denied minus affirmed), ``low``, ``high``, ``p_value`` (of this
        row alone), ``adjusted_p_value`` (Holm over the observations of a measure; the row over all is alone),
        ``affirmed_mentions``, ``denied_mentions``. No row where a measure is not defined for either status.
    """
    kept: dict[str, list[AttendedMention]] = {}
    for name in OBSERVATIONS:
        own = [m for m in mentions if m.observation == name and m.status in (POSITIVE, NEGATIVE)]
        if min(sum(m.status == s for m in own) for s in (POSITIVE, NEGATIVE)) >= fewest:
            kept[name] = own
    values = {name: _numbers(own, patients, seed) for name, own in kept.items()}
    groups = dict(kept)
    if kept:
        groups[ALL] = [mention for own in kept.values() for mention in own]
        values[ALL] = np.concatenate(list(values.values()))
    rows = [
        (name, *row)
        for name, own in groups.items()
        for row in _compared(own, values[name], patients, resamples, seed)
    ]
    return _with_adjusted(pd.DataFrame(rows, columns=[c for c in COLUMNS if c != "adjusted_p_value"]))


def shares_in_region(
    mentions: Sequence[AttendedMention], patients: Sequence[str], seed: int
) -> NDArray[np.float64]:
    """Return how much of each map lies in the region of interest, which the map itself had no part in.

    The patients are split into two halves, those with an affirmed mention evenly; each half is scored in the
    region of the other.

    Args:
        mentions: Mentions of one observation.
        patients: Patient of each study, by the number of the study.
        seed: Seed of the halves.

    Returns:
        A share per mention ``(mentions,)``; NaN where the other half affirms nothing.
    """
    half = _halves(mentions, patients, seed)
    own = [half[patients[mention.study]] for mention in mentions]
    regions = {}
    for side in (0, 1):
        affirmed = [m for m, h in zip(mentions, own, strict=True) if h == side and m.status == POSITIVE]
        regions[side] = region_of_interest(mean_map(affirmed, POSITIVE)) if affirmed else None
    shares = []
    for mention, side in zip(mentions, own, strict=True):
        region = regions[1 - side]
        shares.append(np.nan if region is None else float(mention.regions[region].sum()))
    return np.array(shares)


def mean_map(mentions: Sequence[AttendedMention], status: int) -> NDArray[np.float64]:
    """Return the mean map of the mentions of one status ``(rows, columns)``."""
    return np.asarray(np.mean([m.regions for m in mentions if m.status == status], axis=0))


def region_of_interest(regions: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the regions with the largest shares, a quarter of all ``(rows, columns)``."""
    count = max(round(REGION_SHARE * regions.size), 1)
    chosen = np.zeros(regions.size, dtype=bool)
    chosen[np.argsort(-regions.ravel(), kind="stable")[:count]] = True
    return chosen.reshape(regions.shape)


def _halves(mentions: Sequence[AttendedMention], patients: Sequence[str], seed: int) -> dict[str, int]:
    affirming = {patients[m.study] for m in mentions if m.status == POSITIVE}
    others = {patients[m.study] for m in mentions} - affirming
    rng = np.random.default_rng(seed)
    half = {}
    for group in (affirming, others):
        for place, patient in enumerate(rng.permutation(sorted(group)).tolist()):
            half[str(patient)] = place % 2
    return half


def _numbers(mentions: Sequence[AttendedMention], patients: Sequence[str], seed: int) -> NDArray[np.float64]:
    """Return the measures of each mention ``(mentions, measures)``."""
    shares = np.array([mention.regions.ravel() for mention in mentions])
    entropy = -(shares * np.log(np.maximum(shares, 1e-12))).sum(axis=1)
    return np.column_stack(
        [
            [mention.sentinel for mention in mentions],
            np.exp(entropy) / shares.shape[1],
            shares_in_region(mentions, patients, seed),
            [np.nan if m.finding_token_sentinel is None else m.finding_token_sentinel for m in mentions],
        ]
    )


Row = tuple[str, float, float, float, float, float, float, int, int]


def _compared(
    mentions: Sequence[AttendedMention],
    values: NDArray[np.float64],
    patients: Sequence[str],
    resamples: int,
    seed: int,
) -> list[Row]:
    affirmed = np.array([mention.status == POSITIVE for mention in mentions])
    weights = patient_weights([patients[mention.study] for mention in mentions], resamples, seed)
    weights = np.vstack([np.ones(len(mentions)), weights])
    rows: list[Row] = []
    for column, measure in enumerate(MEASURES):
        known = ~np.isnan(values[:, column])
        if measure == "finding token sentinel" and not known.all():
            continue
        sides = [known & affirmed, known & ~affirmed]
        if not all(side.any() for side in sides):
            continue
        means = [_weighted_mean(weights[:, side], values[side, column]) for side in sides]
        difference = means[1] - means[0]
        resampled = difference[1:][~np.isnan(difference[1:])]  # a resample may lack one of the two
        interval, p_value = percentile_interval(resampled), paired_p_value(resampled)
        rows.append(
            (
                *(measure, float(means[0][0]), float(means[1][0]), float(difference[0])),
                *(float(interval.low), float(interval.high), float(p_value)),
                *(int(sides[0].sum()), int(sides[1].sum())),
            )
        )
    return rows


def _with_adjusted(table: pd.DataFrame) -> pd.DataFrame:
    adjusted = table["p_value"].astype(float).copy()
    for _, own in table[table["observation"] != ALL].groupby("measure"):
        adjusted[own.index] = holm(own["p_value"].to_numpy(dtype=float))
    return table.assign(adjusted_p_value=adjusted)[list(COLUMNS)]


def _weighted_mean(weights: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    total = weights.sum(axis=1)
    mean: NDArray[np.float64] = np.full(len(weights), np.nan)
    np.divide(weights @ values, total, out=mean, where=total > 0)
    return mean
