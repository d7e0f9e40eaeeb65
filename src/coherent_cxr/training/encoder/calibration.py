"""From logits to probabilities: a slope for each label, shrunk towards a common one, and an intercept."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, xlogy

SLOPES = np.round(np.geomspace(0.1, 4, 38), 3)
SPREAD = 0.3
"""Standard deviation of the natural logarithm of labels' slopes, before data says more."""
FARTHEST = 60.0

Array = NDArray[np.float64]


class Calibration(NamedTuple):
    """The probability of a label is the logistic function of ``slope * logit + intercept``.

    Attributes:
        slopes: Above 0 ``(labels,)``; below 1 for an overconfident encoder.
        intercepts: ``(labels,)``; minus infinity for one that never occurs.
    """

    slopes: Array
    intercepts: Array

    def probabilities(self, logits: Array) -> Array:
        """Return probabilities ``(studies, labels)`` of logits of the same shape."""
        probabilities: Array = expit(self.slopes * logits + self.intercepts)
        return probabilities

    def logits(self, probabilities: Array) -> Array:
        """Return the logits with these probabilities ``(labels,)``, each above 0 and below 1."""
        log_odds = np.log(probabilities) - np.log1p(-probabilities)
        return np.asarray((log_odds - self.intercepts) / self.slopes, dtype=np.float64)


def calibrate(logits: Array, truth: NDArray[np.bool_], prevalence: Array) -> Calibration:
    """Choose slopes and intercepts on studies that the encoder has not learnt from (after Platt 1999).

    A validation split has one to three positives of the rare labels, too few for two numbers of their own.
    So an intercept makes the mean probability the label's prevalence in the training split. Slopes have the
    least log loss, plus a penalty for leaving the slope that is best for all labels together: a label with
    many positives finds its own, a rare one takes the common one.

    Args:
        logits: Of studies that the encoder was not trained on ``(studies, labels)``, at least one study.
        truth: Whether they show the labels ``(studies, labels)``.
        prevalence: Share of training studies that show a label, 0 to 1 ``(labels,)``.
    """
    labels = logits.shape[1]
    intercepts = np.empty((len(SLOPES), labels))
    losses = np.empty((len(SLOPES), labels))
    for place, slope in enumerate(SLOPES):
        for label, share in enumerate(prevalence):
            intercepts[place, label] = _intercept(slope * logits[:, label], share)
            losses[place, label] = _log_loss(
                slope * logits[:, label] + intercepts[place, label], truth[:, label]
            )
    # one that never or always occurs is ignored
    losses[:, (prevalence <= 0) | (prevalence >= 1)] = 0.0
    common = int(np.argmin(losses.sum(axis=1)))
    distance = np.log(SLOPES / SLOPES[common]) / SPREAD
    best = np.argmin(losses + (distance**2 / 2)[:, None], axis=0)
    return Calibration(SLOPES[best].astype(np.float64), intercepts[best, np.arange(labels)])


def _log_loss(scaled: Array, positive: NDArray[np.bool_]) -> float:
    chance = np.clip(expit(scaled), 1e-12, 1 - 1e-12)
    return -float(np.sum(xlogy(positive, chance) + xlogy(~positive, 1 - chance)))


def _intercept(scaled: Array, share: float) -> float:
    """Return what to add to logits so that the mean probability is a share."""
    if share <= 0:
        return -np.inf
    if share >= 1:
        return np.inf
    low, high = -FARTHEST - scaled.max(), FARTHEST - scaled.min()
    from scipy.optimize import brentq  # takes long to import, and opening a model does not need it

    return float(brentq(lambda shift: float(expit(scaled + shift).mean()) - share, low, high))
