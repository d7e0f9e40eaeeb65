"""The Clinically Coherent Reward and its moving-average baseline (Liu et al. 2019, equations 1 and 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coherent_cxr.chexpert import NEGATIVE, POSITIVE, UNCERTAIN
from coherent_cxr.rewards.labels import ABSENT


def positive_table(
    beta_u: float = 0.5, positive: float = 1.0, negative: float = 0.0, absent: float = 0.0
) -> NDArray[np.float64]:
    """Return p(+ | label), indexed by label code (1, 0, -1 from the end, 2 absent) ``(4,)``.

    Args:
        beta_u: p(+ | uncertain); the paper uses 0.5.
        positive: p(+ | positive).
        negative: p(+ | negative).
        absent: p(+ | not mentioned).
    """
    table = np.zeros(4)
    table[[POSITIVE, NEGATIVE, UNCERTAIN, ABSENT]] = positive, negative, beta_u, absent
    return table


def ccr(
    candidate_codes: ArrayLike,
    reference_codes: ArrayLike,
    beta_u: float = 0.5,
    table: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Clinically Coherent Reward per observation, eq. (1): sum over s in {+, -} of p(s | l) * p(s | l*).

    Args:
        candidate_codes: Labels of written reports ``(batch, types)``: 1, 0, -1 or 2 (absent).
        reference_codes: Labels of their references ``(batch, types)``.
        beta_u: p(+ | uncertain).
        table: p(+ | label) by code, from :func:`positive_table`; None is the paper's with ``beta_u``.

    Returns:
        Rewards in [0, 1] ``(batch, types)``.
    """
    chance = positive_table(beta_u) if table is None else table
    written, wanted = chance[np.asarray(candidate_codes)], chance[np.asarray(reference_codes)]
    return np.asarray(written * wanted + (1 - written) * (1 - wanted))


class MovingAverage:
    """Baseline per term, eq. (2): average <- gamma * average + (1 - gamma) * mean reward of the batch.

    Args:
        types: Number of terms.
        gamma: Decay, at least 0 and below 1.

    Attributes:
        updates: Number of batches taken in.
    """

    def __init__(self, types: int, gamma: float) -> None:
        self.gamma = gamma
        self.updates = 0
        self._average = np.zeros(types)

    @property
    def value(self) -> NDArray[np.float64]:
        """The average of each term ``(types,)``; 0 before the first update, unless started elsewhere."""
        return self._average.copy()

    def start(self, rewards: NDArray[np.float64]) -> None:
        """Start from the mean of ``(batch, types)``: from 0, all early advantages would be positive."""
        self._average = np.asarray(rewards, dtype=np.float64).mean(axis=0)

    def update(self, rewards: NDArray[np.float64]) -> None:
        """Take in the rewards of one batch ``(batch, types)``."""
        mean = np.asarray(rewards, dtype=np.float64).mean(axis=0)
        self._average = self.gamma * self._average + (1 - self.gamma) * mean
        self.updates += 1

    def state_dict(self) -> dict[str, Any]:
        """Return the state as JSON."""
        return {"average": self._average.tolist(), "updates": self.updates}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave."""
        self._average = np.asarray(state["average"], dtype=np.float64)
        self.updates = int(state["updates"])
