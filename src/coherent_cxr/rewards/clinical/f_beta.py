"""An F-beta objective as a reward per report: omitting a rare finding is no longer the safe choice.

F_beta of a type over a corpus is (1 + b^2) * TP / (b^2 * P + C), with true positives TP, positives P of the
references and calls C of the generated reports, each per report. References do not depend on the generator,
so a report changes F_beta through its own call c and hit h = c * p* alone; to first order by

    [(1 + b^2) * h - F_beta * c] / (b^2 * P + C),

which is the reward of that type. A call pays as soon as its chance to be right exceeds F_beta / (1 + b^2),
not one half as under accuracy. TP and C are moving averages over the sampled reports of earlier steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, PositiveFloat

from coherent_cxr.chexpert.codes import columns_of, default_types
from coherent_cxr.configuration import Settings, Share, ShareBelowOne
from coherent_cxr.rewards.clinical.coherence import check_types, positive_table
from coherent_cxr.rewards.clinical.moving_average import MovingAverage
from coherent_cxr.rewards.interface import Reward, RewardContext
from coherent_cxr.rewards.reports import Reports


def f_beta(hits: ArrayLike, calls: ArrayLike, positives: ArrayLike, beta: float) -> NDArray[np.float64]:
    """F_beta from mean counts per report, of equal shapes; 0 where nothing is called and nothing positive."""
    square = beta**2
    below = np.asarray(square * np.asarray(positives) + np.asarray(calls), dtype=np.float64)
    above = (1 + square) * np.asarray(hits)
    return np.asarray(np.divide(above, below, out=np.zeros_like(below), where=below > 0))


def f_beta_reward(
    predicted: NDArray[np.float64],
    expected: NDArray[np.float64],
    hits: NDArray[np.float64],
    calls: NDArray[np.float64],
    positives: NDArray[np.float64],
    beta: float,
    floor: float = 0.0,
) -> NDArray[np.float64]:
    """First-order change of F_beta by each report, as in the module's text.

    Args:
        predicted: p(+ | label) of generated reports ``(batch, types)``.
        expected: p(+ | label) of their references ``(batch, types)``.
        hits: Mean true positives per report so far ``(types,)``.
        calls: Mean positive calls per report so far ``(types,)``.
        positives: Mean positives per reference ``(types,)``.
        beta: Weight of recall against precision.
        floor: Smallest denominator, which bounds what a very rare type can earn.

    Returns:
        Rewards ``(batch, types)``; 0 for a report that does not call the type.
    """
    below = np.maximum(beta**2 * positives + calls, max(floor, np.finfo(np.float64).tiny))
    return predicted * ((1 + beta**2) * expected - f_beta(hits, calls, positives, beta)) / below


class FBetaSettings(Settings):
    """Settings of ``f_beta``.

    Attributes:
        beta: Weight of recall against precision; 1 weighs both alike.
        beta_u: p(+ | uncertain).
        floor: Smallest denominator of a type, per report.
        gamma: Decay of the moving averages of hits and calls.
        types: Observations that count.
    """

    beta: PositiveFloat = 1.0
    beta_u: Share = 0.5
    floor: PositiveFloat = 0.05
    gamma: ShareBelowOne = 0.95
    types: tuple[str, ...] = Field(default_factory=default_types)

    def check(self) -> None:
        """Refuse impossible values."""
        check_types(self.types)

    def build(self, context: RewardContext) -> Reward:
        """Return the reward: one term per observation, scaled so that their sum moves with macro-F_beta."""
        return FBetaReward(self, context.training_labels)


class FBetaReward(Reward):
    """The reward of the module's text, with moving averages of hits and calls.

    Args:
        settings: The reward's settings.
        training_labels: Label codes of the training reports ``(reports, 14)``.
    """

    def __init__(self, settings: FBetaSettings, training_labels: NDArray[np.int8]) -> None:
        super().__init__(settings.types, self._reward)
        self.batch_statistic_names = tuple(
            f"{kind}/{name}" for kind in ("hits", "calls") for name in settings.types
        )
        self._settings = settings
        self._columns = columns_of(settings.types)
        self._table = positive_table(settings.beta_u)
        self._positives = self._table[training_labels[:, self._columns]].mean(axis=0)
        self._rates = MovingAverage(2 * len(settings.types), settings.gamma)

    def _reward(self, candidates: Reports, references: Reports) -> NDArray[np.float64]:
        predicted, expected = self._chances(candidates, references)
        hits, calls = np.split(self._rates.value, 2)
        settings = self._settings
        rewards = f_beta_reward(
            predicted, expected, hits, calls, self._positives, settings.beta, settings.floor
        )
        return rewards / len(self.terms)

    def batch_statistics(self, candidates: Reports, references: Reports) -> NDArray[np.float64]:
        """Return hits and calls of every report ``(batch, 2 * types)``."""
        predicted, expected = self._chances(candidates, references)
        return np.concatenate([predicted * expected, predicted], axis=1)

    def update(self, means: NDArray[np.float64]) -> None:
        """Update the averages of hits and calls."""
        if not self._rates.updates:
            self._rates.start(means[None])
        self._rates.update(means[None])

    def state_dict(self) -> dict[str, Any]:
        """Return the moving averages."""
        return self._rates.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the moving averages."""
        self._rates.load_state_dict(state)

    def statistics(self, candidates: Reports, references: Reports) -> NDArray[np.float64]:
        """Return hits, calls and positives of every report ``(batch, 3 * types)``."""
        predicted, expected = self._chances(candidates, references)
        return np.concatenate([predicted * expected, predicted, expected], axis=1)

    def objective(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return macro-F_beta in [0, 1] over the types that some reference holds."""
        hits, calls, positives = np.split(means, 3, axis=-1)
        held = positives > 0
        scores = f_beta(hits, calls, positives, self._settings.beta)
        return np.asarray((scores * held).sum(axis=-1) / np.maximum(held.sum(axis=-1), 1))

    def _chances(
        self, candidates: Reports, references: Reports
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        codes = candidates.labels[:, self._columns], references.labels[:, self._columns]
        return self._table[codes[0]], self._table[codes[1]]
