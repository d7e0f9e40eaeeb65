"""The one interface of all rewards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.rewards.language.cider import CiderD
from coherent_cxr.rewards.reports import Reports

Baseline = Literal["greedy", "moving_average", "leave_one_out", "group", "none"]
"""What a sampled report's reward is compared with (see :mod:`coherent_cxr.training.scst.advantage`)."""


class RewardContext(NamedTuple):
    """What rewards may learn from the training split before a run.

    Attributes:
        document_frequencies: CIDEr-D with the training split's document frequencies.
        training_labels: Label codes of the training reports ``(reports, 14)``.
    """

    document_frequencies: CiderD
    training_labels: NDArray[np.int8]


class Reward:
    """A reward of generated reports, in one or more terms whose sum counts.

    Args:
        terms: Names of the terms.
        function: ``(candidates, references) -> (batch, terms)``.

    Attributes:
        terms: Names of the terms.
        batch_statistic_names: Names of the batch means that :meth:`update` takes; most rewards need none.
    """

    batch_statistic_names: tuple[str, ...] = ()

    def __init__(
        self, terms: tuple[str, ...], function: Callable[[Reports, Reports], NDArray[np.float64]]
    ) -> None:
        self.terms = terms
        self._function = function

    def __call__(self, candidates: Reports, references: Reports) -> NDArray[np.float64]:
        """Return the reward of each candidate against the reference of the same index ``(batch, terms)``."""
        return self._function(candidates, references)

    def batch_statistics(self, candidates: Reports, references: Reports) -> NDArray[np.float64]:
        """Return what :meth:`update` needs of sampled reports ``(batch, batch statistics)``."""
        return np.zeros((len(candidates), 0))

    def update(self, means: NDArray[np.float64]) -> None:
        """Learn from the batch means of one step's sampled reports ``(batch statistics,)``."""

    def state_dict(self) -> dict[str, Any]:
        """Return the statistics as JSON."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` gave."""

    def statistics(self, candidates: Reports, references: Reports) -> NDArray[np.float64]:
        """Return numbers of each report whose means make up the :meth:`objective` ``(batch, numbers)``."""
        return np.asarray(self(candidates, references).sum(axis=1, keepdims=True))

    def objective(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what a run maximises, from mean statistics ``(..., numbers)``: here the mean reward."""
        return np.asarray(means[..., 0])
