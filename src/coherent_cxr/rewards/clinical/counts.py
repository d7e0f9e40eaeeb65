"""How often each text holds each of its n-grams, for a few hundred texts at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.rewards.language.ngrams import NumberedKeys, grow, hashed_words

ORDERS: Final = 4
CHUNK: Final = 512
"""Most texts at once: nine bits are left for their index, and so few stay in the processor's cache."""

# One n-gram of one text as 64 bits, from the left: the text (9), order - 1 (2), the n-gram's number (40) and
# how often the text holds it (13; more count as the most that fits).
TEXT, ORDER, NUMBER = np.uint64(55), np.uint64(53), np.uint64(13)
FREQUENCY: Final = np.uint64((1 << 13) - 1)
_NUMBERS: Final = np.uint64((1 << 40) - 1)


class NgramCounts(NamedTuple):
    """n-grams of several texts.

    Attributes:
        entries: Each text's distinct n-grams with their frequencies, as above, sorted ``(entries,)``.
        words: Number of words of each text ``(texts,)``.
    """

    entries: NDArray[np.uint64]
    words: NDArray[np.int64]


class Matches(NamedTuple):
    """n-grams that candidate and reference share.

    Attributes:
        entries: One entry each ``(shared,)``.
        in_candidate: Frequency in the candidate ``(shared,)``.
        in_reference: Frequency in the reference ``(shared,)``.
    """

    entries: NDArray[np.uint64]
    in_candidate: NDArray[np.int64]
    in_reference: NDArray[np.int64]


def count_ngrams(texts: Sequence[str], numbering: NumberedKeys) -> NgramCounts:
    """Count the n-grams of orders 1 to 4 of at most :data:`CHUNK` texts; the only loop is over the orders."""
    words = hashed_words(texts)
    text_of = words.text.astype(np.uint64) << TEXT
    keys, parts = words.keys, []
    for order in range(ORDERS):
        if order:
            keys = grow(keys[:-1], words.keys[order:])
        inside = text_of[: len(keys)] == text_of[order:]
        place = text_of[: len(keys)][inside] | np.uint64(order) << ORDER
        parts.append(place | numbering.find(keys[inside]) << NUMBER)
    entries, counts = np.unique(np.concatenate(parts), return_counts=True)
    entries |= np.minimum(counts, int(FREQUENCY)).view(np.uint64)
    return NgramCounts(entries, words.counts)


def matches(candidates: NDArray[np.uint64], references: NDArray[np.uint64]) -> Matches:
    """Pair equal n-grams of the candidate and the reference of the same index, both as sorted entries."""
    if not len(references):
        nothing = np.zeros(0, np.int64)
        return Matches(candidates[:0], nothing, nothing)
    found = references.take(np.searchsorted(references, candidates & ~FREQUENCY), mode="clip")
    both = np.flatnonzero(found >> NUMBER == candidates >> NUMBER)
    shared = found[both]
    return Matches(shared, (candidates[both] & FREQUENCY).view(np.int64), (shared & FREQUENCY).view(np.int64))


def frequencies(entries: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return how often its text holds each n-gram ``(entries,)``."""
    return (entries & FREQUENCY).view(np.int64)


def ngram_numbers(entries: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the number of each n-gram ``(entries,)``."""
    return (entries >> NUMBER & _NUMBERS).view(np.int64)


def sums_by_order(
    entries: NDArray[np.uint64], values: NDArray[np.float64] | NDArray[np.int64], texts: int
) -> NDArray[np.float64]:
    """Add up a value per entry for each text and order ``(texts, 4)``."""
    cells = (entries >> ORDER).view(np.int64)  # text * 4 + order - 1
    sums = np.bincount(cells, values, texts * ORDERS).astype(np.float64, copy=False)
    return sums.reshape(-1, ORDERS)
