"""Recall under a floor of precision, per observation (Eban et al. 2016), as a reward per report.

The objective of a type with P positives per report is

    recall = TP / P   subject to   TP / (TP + FP) >= a,   that is   TP - a / (1 - a) FP >= 0.

With a multiplier m >= 0 its Lagrangian is [(1 + m) TP - m a / (1 - a) FP] / P, which a report changes through
its own call alone: a right call earns (1 + m) / P, a wrong one costs m a / (1 - a) / P. So a call pays where
its chance to be right exceeds m a / (1 - a + m): never asked at m = 0, where recall is all, and up to a as m
grows. The multiplier of a type rises after a step whose sampled reports were below the floor and falls after
one above it; a step without calls of the type leaves it alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, PositiveFloat

from coherent_cxr.chexpert.codes import columns_of, default_types
from coherent_cxr.configuration import Settings, Share, require
from coherent_cxr.rewards.clinical.coherence import check_types, positive_table
from coherent_cxr.rewards.interface import Reward, RewardContext
from coherent_cxr.rewards.reports import Reports

Floor = Annotated[float, Field(gt=0, lt=1)]


class RecallAtPrecisionSettings(Settings):
    """Settings of ``recall_at_precision``.

    Attributes:
        precision: Floor of every type that ``floors`` does not name.
        floors: Floors of single types.
        multiplier: Where every multiplier starts.
        rate: How much a multiplier moves in a step, per unit of recall that precision lacks.
        max_multiplier: Largest multiplier.
        smallest_share: Smallest share of positives a type is divided by, which bounds what a rare one earns.
        beta_u: p(+ | uncertain).
        types: Observations that count.
    """

    precision: Floor = 0.4
    floors: dict[str, Floor] = Field(default_factory=dict)
    multiplier: NonNegativeFloat = 1.0
    rate: PositiveFloat = 0.05
    max_multiplier: PositiveFloat = 10.0
    smallest_share: PositiveFloat = 0.02
    beta_u: Share = 0.5
    types: tuple[str, ...] = Field(default_factory=default_types)

    def check(self) -> None:
        """Refuse unknown observations and a start beyond the end."""
        check_types((*self.types, *self.floors))
        check_types(self.types)
        right = f"at most max_multiplier, {self.max_multiplier:g}"
        require(self.multiplier <= self.max_multiplier, "multiplier", self.multiplier, right)

    def build(self, context: RewardContext) -> Reward:
        """Return the reward: one term per observation, scaled so that their sum is a mean over types."""
        return RecallAtPrecisionReward(self, context.training_labels)


class RecallAtPrecisionReward(Reward):
    """The reward of the module's text, with a multiplier per type.

    Args:
        settings: The reward's settings.
        training_labels: Label codes of the training reports ``(reports, 14)``.

    Attributes:
        multipliers: ``(types,)``.
    """

    def __init__(self, settings: RecallAtPrecisionSettings, training_labels: NDArray[np.int8]) -> None:
        super().__init__(settings.types, self._reward)
        self.batch_statistic_names = tuple(
            f"{kind}/{name}" for kind in ("hits", "calls") for name in settings.types
        )
        self.multipliers = np.full(len(settings.types), settings.multiplier)
        self._settings = settings
        self._columns = columns_of(settings.types)
        self._table = positive_table(settings.beta_u)
        floors = np.array([settings.floors.get(name, settings.precision) for name in settings.types])
        self._odds = floors / (1 - floors)  # of a right call at the floor, a / (1 - a)
        share = self._table[training_labels[:, self._columns]].mean(axis=0)
        self._positives = np.maximum(share, settings.smallest_share)

    def _reward(self, candidates: Reports, references: Reports) -> NDArray[np.float64]:
        predicted, expected = self._chances(candidates, references)
        right, wrong = predicted * expected, predicted * (1 - expected)
        earned = (1 + self.multipliers) * right - self.multipliers * self._odds * wrong
        return np.asarray(earned / self._positives / len(self.terms))

    def batch_statistics(self, candidates: Reports, references: Reports) -> NDArray[np.float64]:
        """Return hits and calls of every report ``(batch, 2 * types)``."""
        predicted, expected = self._chances(candidates, references)
        return np.concatenate([predicted * expected, predicted], axis=1)

    def update(self, means: NDArray[np.float64]) -> None:
        """Raise the multipliers of types below their floor, lower the others."""
        hits, calls = np.split(means, 2)
        lacking = (self._odds * (calls - hits) - hits) / self._positives
        moved = self.multipliers + self._settings.rate * lacking
        self.multipliers = np.clip(moved, 0.0, self._settings.max_multiplier)

    def state_dict(self) -> dict[str, Any]:
        """Return the multipliers."""
        return {"multipliers": self.multipliers.tolist()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the multipliers."""
        self.multipliers = np.asarray(state["multipliers"], dtype=np.float64)

    def statistics(self, candidates: Reports, references: Reports) -> NDArray[np.float64]:
        """Return hits, calls and positives of every report ``(batch, 3 * types)``."""
        predicted, expected = self._chances(candidates, references)
        return np.concatenate([predicted * expected, predicted, expected], axis=1)

    def objective(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean, over types that some reference holds, of recall minus the shortfall in precision.

        That is recall where the floor is met, and the Lagrangian at a multiplier of 1 where it is not.
        """
        hits, calls, positives = np.split(means, 3, axis=-1)
        held = positives > 0
        lacking = np.maximum(self._odds * (calls - hits) - hits, 0)
        scores = np.divide(hits - lacking, positives, out=np.zeros_like(hits), where=held)
        return np.asarray(scores.sum(axis=-1) / np.maximum(held.sum(axis=-1), 1))

    def _chances(
        self, candidates: Reports, references: Reports
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        codes = candidates.labels[:, self._columns], references.labels[:, self._columns]
        return self._table[codes[0]], self._table[codes[1]]
