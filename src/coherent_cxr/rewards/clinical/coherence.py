"""The Clinically Coherent Reward (Liu et al. 2019, equation 1), and with positives weighted by rarity."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, NonNegativeFloat

from coherent_cxr.chexpert import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN
from coherent_cxr.chexpert.codes import ABSENT, columns_of, default_types
from coherent_cxr.configuration import Settings, Share, require
from coherent_cxr.rewards.interface import Reward, RewardContext


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
        candidate_codes: Labels of generated reports ``(batch, types)``: 1, 0, -1 or 2 (absent).
        reference_codes: Labels of their references ``(batch, types)``.
        beta_u: p(+ | uncertain).
        table: p(+ | label) by code, from :func:`positive_table`; None is the paper's with ``beta_u``.

    Returns:
        Rewards in [0, 1] ``(batch, types)``.
    """
    chance = positive_table(beta_u) if table is None else table
    predicted, expected = chance[np.asarray(candidate_codes)], chance[np.asarray(reference_codes)]
    return np.asarray(predicted * expected + (1 - predicted) * (1 - expected))


def rarity_weights(codes: ArrayLike, power: float = 1.0, max_weight: float = 20.0) -> NDArray[np.float64]:
    """Weigh positives by how rare they are: (negatives / positives)^power, between 1 and ``max_weight``.

    With power 1 the positives of a type weigh as much as all its other reports together, so that neither
    omission nor assertion is the safe choice.

    Args:
        codes: Label codes of the training reports ``(reports, types)``.
        power: 0 weighs every positive as one, 1 by its full rarity.
        max_weight: Largest weight; a type without any positive gets it too.

    Returns:
        One weight per type ``(types,)``.
    """
    positives = (np.asarray(codes) == POSITIVE).sum(axis=0)
    odds = (len(np.asarray(codes)) - positives) / np.maximum(positives, 1)
    return np.asarray(np.clip(odds**power, 1.0, max_weight))


def weighted_ccr(
    candidate_codes: ArrayLike,
    reference_codes: ArrayLike,
    weights: NDArray[np.float64],
    table: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Eq. (1) with the product of s = + weighted per type.

    Args:
        candidate_codes: Labels of generated reports ``(batch, types)``.
        reference_codes: Labels of their references ``(batch, types)``.
        weights: Weight of a positive per type ``(types,)``.
        table: p(+ | label) by code, from :func:`positive_table`.

    Returns:
        Rewards in [0, weight] ``(batch, types)``.
    """
    predicted, expected = table[np.asarray(candidate_codes)], table[np.asarray(reference_codes)]
    return np.asarray(weights * predicted * expected + (1 - predicted) * (1 - expected))


class CcrSettings(Settings):
    """Settings of ``ccr``.

    Attributes:
        beta_u: p(+ | uncertain), the paper's 0.5.
        positive: p(+ | positive).
        negative: p(+ | negative).
        absent: p(+ | not mentioned).
        types: Observations that count.
    """

    beta_u: Share = 0.5
    positive: Share = 1.0
    negative: Share = 0.0
    absent: Share = 0.0
    types: tuple[str, ...] = Field(default_factory=default_types)

    def check(self) -> None:
        """Refuse what is no probability, and unknown observations."""
        check_types(self.types)

    @property
    def table(self) -> NDArray[np.float64]:
        """p(+ | label) by code ``(4,)``."""
        return positive_table(self.beta_u, self.positive, self.negative, self.absent)

    def build(self, context: RewardContext) -> Reward:
        """Return the reward: one term per observation."""
        columns, table = columns_of(self.types), self.table
        return Reward(self.types, lambda c, r: ccr(c.labels[:, columns], r.labels[:, columns], table=table))


class WeightedCcrSettings(CcrSettings):
    """Settings of ``ccr_weighted``.

    Attributes:
        power: How far rarity counts: 0 not at all, 1 fully.
        max_weight: Largest weight of a positive.
    """

    power: NonNegativeFloat = 1.0
    max_weight: Annotated[float, Field(ge=1)] = 20.0

    def build(self, context: RewardContext) -> Reward:
        """Return the reward: one term per observation."""
        columns, table = columns_of(self.types), self.table
        weights = rarity_weights(context.training_labels[:, columns], self.power, self.max_weight)
        return Reward(
            self.types,
            lambda c, r: weighted_ccr(c.labels[:, columns], r.labels[:, columns], weights, table),
        )


def check_types(types: tuple[str, ...]) -> None:
    """Refuse an empty list and names that are no observation."""
    unknown = [name for name in types if name not in OBSERVATIONS]
    require(not unknown, "types", unknown, f"among {', '.join(OBSERVATIONS)}")
    require(len(types) > 0, "types", types, "at least one observation")
