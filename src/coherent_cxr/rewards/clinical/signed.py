"""Signed label rewards: a report that says nothing earns nothing, so silence is no safe choice."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, NonNegativeFloat

from coherent_cxr.chexpert import NEGATIVE, POSITIVE, UNCERTAIN
from coherent_cxr.chexpert.codes import ABSENT, columns_of, default_types
from coherent_cxr.configuration import Settings
from coherent_cxr.rewards.clinical.coherence import check_types
from coherent_cxr.rewards.interface import Reward, RewardContext


def signed_ccr(
    candidate_codes: ArrayLike, reference_codes: ArrayLike, near: float = 1.0, wrong: float = 1.0
) -> NDArray[np.float64]:
    """Reward what a report says of each observation by whether it is right.

    A positive or uncertain label earns 1 where the reference has the same, ``near`` where it has the other of
    the two, and -``wrong`` where the reference denies the observation or does not mention it. A denial earns
    -``wrong`` where the reference is positive or uncertain, otherwise 0: a list of denials is worth no more
    than silence. What is not mentioned earns 0.

    Args:
        candidate_codes: Labels of generated reports ``(batch, types)``: 1, 0, -1 or 2 (absent).
        reference_codes: Labels of their references ``(batch, types)``.
        near: Reward of a positive for an uncertain finding and the other way round.
        wrong: Price of a wrong label.

    Returns:
        Rewards in [-wrong, 1] ``(batch, types)``.
    """
    table = np.zeros((4, 4))  # by the codes of candidate and reference; -1 is the last place
    for called in (POSITIVE, UNCERTAIN):
        table[called, [NEGATIVE, ABSENT]] = -wrong
        table[called, [POSITIVE, UNCERTAIN]] = near
        table[called, called] = 1.0
    table[NEGATIVE, [POSITIVE, UNCERTAIN]] = -wrong
    return np.asarray(table[np.asarray(candidate_codes), np.asarray(reference_codes)])


class SignedCcrSettings(Settings):
    """Settings of ``ccr_signed``.

    Attributes:
        near: Reward of a positive for an uncertain finding and the other way round.
        wrong: Price of a wrong label. A call pays where its chance to be right is above wrong / (1 + wrong).
        types: Observations that count.
    """

    near: Annotated[float, Field(ge=-1, le=1)] = 1.0
    wrong: NonNegativeFloat = 1.0
    types: tuple[str, ...] = Field(default_factory=default_types)

    def check(self) -> None:
        """Refuse unknown observations."""
        check_types(self.types)

    def build(self, context: RewardContext) -> Reward:
        """Return the reward: one term per observation."""
        columns = columns_of(self.types)
        return Reward(
            self.types,
            lambda c, r: signed_ccr(c.labels[:, columns], r.labels[:, columns], self.near, self.wrong),
        )
