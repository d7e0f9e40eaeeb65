"""A moving average per term, the baseline of Liu et al. 2019, equation 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


class MovingAverage:
    """Baseline per term, eq. (2): average <- gamma * average + (1 - gamma) * mean reward of the batch.

    Args:
        types: Number of terms.
        gamma: Decay, at least 0 and below 1.

    Attributes:
        updates: Number of updates.
    """

    def __init__(self, types: int, gamma: float) -> None:
        self.gamma = gamma
        self.updates = 0
        self._average = np.zeros(types)

    @property
    def value(self) -> NDArray[np.float64]:
        """The average of each term ``(types,)``; 0 before the first update, unless started elsewhere."""
        return self._average.copy()

    def start(self, rewards: ArrayLike) -> None:
        """Start from the mean of ``(batch, types)``: from 0, all early advantages would be positive."""
        self._average = np.asarray(rewards, dtype=np.float64).mean(axis=0)

    def update(self, rewards: ArrayLike) -> None:
        """Update with the rewards of one batch ``(batch, types)``."""
        mean = np.asarray(rewards, dtype=np.float64).mean(axis=0)
        self._average = self.gamma * self._average + (1 - self.gamma) * mean
        self.updates += 1

    def state_dict(self) -> dict[str, Any]:
        """Return the state as JSON."""
        return {"average": self._average.tolist(), "updates": self.updates}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` gave."""
        self._average = np.asarray(state["average"], dtype=np.float64)
        self.updates = int(state["updates"])
