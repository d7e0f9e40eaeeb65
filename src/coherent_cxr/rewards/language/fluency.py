"""Guards of fluency: penalties for repetition and for a length unlike the reference's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveInt

from coherent_cxr.configuration import Settings
from coherent_cxr.rewards.interface import Reward, RewardContext


def repetition(texts: Sequence[str], order: int = 3) -> NDArray[np.float64]:
    """Minus the share of n-grams that stand earlier in the same report.

    Args:
        texts: Generated texts, space-separated tokens ``(reports,)``.
        order: Words per n-gram.

    Returns:
        Penalties in (-1, 0] ``(reports,)``; 0 for a report shorter than one n-gram.
    """
    penalties = np.zeros(len(texts))
    for i, text in enumerate(texts):
        words = text.split()
        grams = list(zip(*(words[k:] for k in range(order)), strict=False))
        if grams:
            penalties[i] = len(set(grams)) / len(grams) - 1
    return penalties


def length(candidates: Sequence[str], references: Sequence[str]) -> NDArray[np.float64]:
    """Minus the difference in words to the reference, as a share of the reference, 1 at most.

    Args:
        candidates: Generated texts, space-separated tokens ``(pairs,)``.
        references: One reference per candidate ``(pairs,)``.

    Returns:
        Penalties in [-1, 0] ``(pairs,)``.
    """
    generated = np.array([len(text.split()) for text in candidates], dtype=np.float64)
    expected = np.array([len(text.split()) for text in references], dtype=np.float64)
    return np.asarray(-np.minimum(np.abs(generated - expected) / np.maximum(expected, 1), 1))


class RepetitionSettings(Settings):
    """Settings of ``repetition``.

    Attributes:
        order: Words per n-gram.
    """

    order: PositiveInt = 3

    def build(self, context: RewardContext) -> Reward:
        """Return the reward: one term."""
        return Reward(("repetition",), lambda c, r: repetition(c.texts, self.order)[:, None])


class LengthSettings(Settings):
    """``length`` has no settings."""

    def build(self, context: RewardContext) -> Reward:
        """Return the reward: one term."""
        return Reward(("length",), lambda c, r: length(c.texts, r.texts)[:, None])
