"""From logits to probabilities: one slope for all labels, one intercept for each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, xlogy

SLOPES = np.round(np.geomspace(0.25, 2.5, 21), 3)
FARTHEST = 60.0


class Calibration(NamedTuple):
    """The probability of a label is the logistic function of ``slope * logit + intercept``.

    Attributes:
        slope: Above 0; below 1 for an encoder that is too sure of itself.
        intercepts: ``(labels,)``; minus infinity for one that never occurs.
    """

    slope: float
    intercepts: NDArray[np.float64]

    def probabilities(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return probabilities ``(studies, labels)`` of logits of the same shape."""
        probabilities: NDArray[np.float64] = expit(self.slope * logits + self.intercepts)
        return probabilities


def calibrate(
    logits: NDArray[np.float64], truth: NDArray[np.bool_], prevalence: NDArray[np.float64]
) -> Calibration:
    """Choose slope and intercepts on the validation split (after Platt 1999).

    A validation split has one to three positives of the rare labels, too few for an intercept of their own.
    So an intercept makes the mean probability the label's prevalence in the training split, and only the
    slope, one number for all labels, is fitted: by the least log loss.

    Args:
        logits: Of validation studies ``(studies, labels)``, at least one study.
        truth: Whether they show the labels ``(studies, labels)``.
        prevalence: Share of training studies that show a label, 0 to 1 ``(labels,)``.
    """
    best, least = Calibration(1.0, np.zeros(logits.shape[1])), np.inf
    for slope in SLOPES:
        intercepts = np.array(
            [_intercept(slope * logits[:, label], share) for label, share in enumerate(prevalence)]
        )
        one = Calibration(float(slope), intercepts)
        occurs = (prevalence > 0) & (prevalence < 1)
        chance = np.clip(one.probabilities(logits)[:, occurs], 1e-12, 1 - 1e-12)
        positive = truth[:, occurs]
        loss = -float(np.sum(xlogy(positive, chance) + xlogy(~positive, 1 - chance)))
        if loss < least:
            best, least = one, loss
    return best


def _intercept(scaled: NDArray[np.float64], share: float) -> float:
    """Return what to add to logits so that the mean probability is a share."""
    if share <= 0:
        return -np.inf
    if share >= 1:
        return np.inf
    low, high = -FARTHEST - scaled.max(), FARTHEST - scaled.min()
    return float(brentq(lambda shift: float(expit(scaled + shift).mean()) - share, low, high))
