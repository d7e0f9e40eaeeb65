"""Where a registered model abstains: a band around each threshold, set on validation (selective prediction).

The studies whose probability lies nearest to the threshold are the ones most often called wrongly. Leaving
out a share of them lowers the share of wrong calls among the rest; the risk-coverage curve says by how much
(El-Yaniv and Wiener 2010).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.observations import NO_FINDING
from coherent_cxr.training.encoder.decisions import calibration_of, thresholds_of

COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.5)
NO_BAND = (1.0, 0.0)
Array = NDArray[np.float64]


class Abstention(NamedTuple):
    """Bands and what they are worth.

    Attributes:
        bands: ``operating_point``, ``observation``, ``low`` and ``high`` (probabilities between which the
            model abstains; ``low`` above ``high`` where it never does), ``coverage`` (share of validation
            studies outside) and the share of wrong calls of all studies (``risk``) and of those outside
            (``risk_outside``).
        curve: ``operating_point``, ``coverage`` and the mean share of wrong calls over the findings, with the
            least certain studies of each left out.
        studies: Validation studies that it rests on.
    """

    bands: pd.DataFrame
    curve: pd.DataFrame
    studies: int


def choose_bands(
    label_scores: pd.DataFrame,
    labels: pd.DataFrame,
    validation: Sequence[str],
    thresholds: pd.DataFrame,
    share: float,
) -> Abstention:
    """Choose a band for each operating point and finding.

    A finding has none where it has no positive study, is never called, or where leaving out the least certain
    studies does not lower the share of wrong calls.

    Args:
        label_scores: ``study_id`` and a logit per observation.
        labels: ``study_id`` and the 14 observations; only 1 is positive.
        validation: Studies that the encoder has not learnt from.
        thresholds: As :func:`~coherent_cxr.training.encoder.decisions.choose_thresholds` returns them.
        share: Share of these studies that a band holds, 0 to 1; 0 abstains from nothing.
    """
    truth_of = labels.set_index("study_id")[list(OBSERVATIONS)]
    known = label_scores[label_scores["study_id"].isin(set(validation) & set(truth_of.index))]
    logits = known[list(OBSERVATIONS)].to_numpy(np.float64)
    truth = truth_of.loc[known["study_id"]].eq(1).fillna(value=False).to_numpy(dtype=bool)
    calibration = calibration_of(thresholds)
    probabilities = calibration.probabilities(logits)
    bands, curve = [], []
    for point in thresholds["operating_point"].unique():
        limits = calibration.probabilities(thresholds_of(thresholds, point)[np.newaxis])[0]
        curves = []
        for place, name in enumerate(OBSERVATIONS):
            own, limit, there = probabilities[:, place], limits[place], truth[:, place]
            usable = name != NO_FINDING and len(own) and there.any() and (own >= limit).any()
            bands.append(
                (point, name, *(_band(own, there, limit, share) if usable else _none(own, there, limit)))
            )
            if usable:
                curves.append(risks(own, there, limit, COVERAGES))
        means = np.mean(curves, axis=0) if curves else np.full(len(COVERAGES), np.nan)
        curve += [(point, coverage, risk) for coverage, risk in zip(COVERAGES, means, strict=True)]
    columns = ["operating_point", "observation", "low", "high", "coverage", "risk", "risk_outside"]
    return Abstention(
        pd.DataFrame(bands, columns=columns),
        pd.DataFrame(curve, columns=["operating_point", "coverage", "risk"]),
        len(known),
    )


def risks(
    probabilities: Array, truth: NDArray[np.bool_], limit: float, coverages: Sequence[float]
) -> list[float]:
    """Return the share of wrong calls among the most certain studies.

    Args:
        probabilities: Of one finding ``(studies,)``, at least one study.
        truth: Whether it is there ``(studies,)``.
        limit: Probability at and above which it is called.
        coverages: Shares of studies that are kept, the farthest from the limit first.
    """
    order = np.argsort(-np.abs(probabilities - limit), kind="stable")
    wrong = ((probabilities >= limit) != truth)[order]
    counts = [max(1, round(coverage * len(order))) for coverage in coverages]
    return [float(wrong[:count].mean()) for count in counts]


def _none(own: Array, truth: NDArray[np.bool_], limit: float) -> tuple[float, float, float, float, float]:
    risk = float(((own >= limit) != truth).mean()) if len(own) else float("nan")
    return (*NO_BAND, 1.0, risk, risk)


def _band(
    own: Array, truth: NDArray[np.bool_], limit: float, share: float
) -> tuple[float, float, float, float, float]:
    margins = np.sort(np.abs(own - limit))
    count = int(share * len(own))
    if not count:
        return _none(own, truth, limit)
    width = margins[count - 1]
    low, high = max(0.0, limit - width), min(1.0, limit + width)
    outside = (own < low) | (own > high)
    wrong = (own >= limit) != truth
    if not outside.any() or wrong[outside].mean() >= wrong.mean():
        return _none(own, truth, limit)
    return (low, high, float(outside.mean()), float(wrong.mean()), float(wrong[outside].mean()))
