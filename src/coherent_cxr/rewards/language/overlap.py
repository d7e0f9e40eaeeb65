"""Overlap of words with the reference: BLEU (Papineni et al. 2002) and ROUGE-L (Lin 2004), per report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from coherent_cxr.configuration import Settings
from coherent_cxr.rewards.clinical.counts import CHUNK, ORDERS, count_ngrams, matches, sums_by_order
from coherent_cxr.rewards.interface import Reward, RewardContext
from coherent_cxr.rewards.language.ngrams import NumberedKeys

ROUGE_BETA: Final = 1.2
# As in pycocoevalcap, whose numbers these are: an order without a match counts as almost nothing.
_TINY, _SMALL = 1e-15, 1e-9
_NO_NUMBERS: Final = NumberedKeys(np.zeros(0, np.uint64))


def bleu(candidates: Sequence[str], references: Sequence[str], orders: int = 4) -> NDArray[np.float64]:
    """BLEU of each report alone, equal to pycocoevalcap's per-report BLEU with one reference.

    Args:
        candidates: Generated texts, space-separated tokens ``(pairs,)``.
        references: One reference per candidate ``(pairs,)``.
        orders: Longest n-gram, 1 to 4.

    Returns:
        BLEU in [0, 1] ``(pairs,)``; almost 0 where no n-gram of the longest order matches.
    """
    return bleu_of_counts(bleu_counts(candidates, references))[:, orders - 1]


def bleu_counts(candidates: Sequence[str], references: Sequence[str]) -> NDArray[np.float64]:
    """Count what BLEU is made of; BLEU of a set of reports follows from the sum of their counts.

    Args:
        candidates: Generated texts, space-separated tokens ``(pairs,)``.
        references: One reference per candidate ``(pairs,)``.

    Returns:
        For the orders 1 to 4 the n-grams that match, then those of the candidate, then the words of the
        candidate and those of the reference ``(pairs, 10)``.
    """
    parts = [
        _bleu_counts(candidates[start : start + CHUNK], references[start : start + CHUNK])
        for start in range(0, len(candidates), CHUNK)
    ]
    return np.concatenate([np.zeros((0, 2 * ORDERS + 2)), *parts])


def _bleu_counts(candidates: Sequence[str], references: Sequence[str]) -> NDArray[np.float64]:
    generated, expected = count_ngrams(candidates, _NO_NUMBERS), count_ngrams(references, _NO_NUMBERS)
    shared = matches(generated.entries, expected.entries)
    correct = sums_by_order(
        shared.entries, np.minimum(shared.in_candidate, shared.in_reference), len(candidates)
    )
    guessed = np.maximum(generated.words[:, None] - np.arange(ORDERS), 0)
    return np.column_stack([correct, guessed, generated.words, expected.words])


def bleu_of_counts(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return BLEU-1 to BLEU-4 of counts, or of sums of counts.

    Args:
        counts: As :func:`bleu_counts` gives them ``(sets, 10)``.

    Returns:
        BLEU in [0, 1] ``(sets, 4)``.
    """
    correct, guessed = counts[:, :ORDERS], counts[:, ORDERS : 2 * ORDERS]
    generated_words, reference_words = counts[:, -2], counts[:, -1]
    precision = np.cumprod((correct + _TINY) / (guessed + _SMALL), axis=1)
    mean = precision ** (1 / np.arange(1, ORDERS + 1))
    length = (generated_words + _TINY) / (reference_words + _SMALL)
    penalty = np.exp(np.minimum(1 - 1 / length, 0))
    return np.asarray(mean * penalty[:, None])


def rouge_l(candidates: Sequence[str], references: Sequence[str]) -> NDArray[np.float64]:
    """ROUGE-L of each report: F with beta = 1.2 of the longest common subsequence, as in pycocoevalcap.

    Args:
        candidates: Generated texts, space-separated tokens ``(pairs,)``.
        references: One reference per candidate ``(pairs,)``.

    Returns:
        ROUGE-L in [0, 1] ``(pairs,)``.
    """
    scores = np.zeros(len(candidates))
    for i, (candidate, reference) in enumerate(zip(candidates, references, strict=True)):
        generated, expected = candidate.split(), reference.split()
        if common := longest_common_subsequence(generated, expected):
            precision, recall = common / len(generated), common / len(expected)
            square = ROUGE_BETA**2
            scores[i] = (1 + square) * precision * recall / (recall + square * precision)
    return scores


def longest_common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence, a row at a time in the bits of an integer (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for place, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << place
    everything = (1 << len(one)) - 1
    row = everything  # a zero bit is a step of the subsequence
    for word in other:
        step = row & places.get(word, 0)
        row = (row + step | row - step) & everything
    return len(one) - row.bit_count()


class BleuSettings(Settings):
    """Settings of ``bleu``.

    Attributes:
        orders: Longest n-gram, 1 to 4.
    """

    orders: Annotated[int, Field(ge=1, le=ORDERS)] = 4

    def build(self, context: RewardContext) -> Reward:
        """Return the reward: one term."""
        return Reward(("bleu",), lambda c, r: bleu(c.texts, r.texts, self.orders)[:, None])


class RougeLSettings(Settings):
    """``rouge_l`` has no settings."""

    def build(self, context: RewardContext) -> Reward:
        """Return the reward: one term."""
        return Reward(("rouge_l",), lambda c, r: rouge_l(c.texts, r.texts)[:, None])


class CiderSettings(Settings):
    """``cider`` has no settings; its document frequencies come from the training split."""

    def build(self, context: RewardContext) -> Reward:
        """Return the reward: one term, CIDEr-D in 0..10."""
        cider = context.document_frequencies
        return Reward(("cider",), lambda c, r: cider.score(c.texts, r.texts)[:, None])
