"""n-grams of many texts as 64-bit keys, computed on whole arrays of letters and words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

_LETTER: Final = 0x9E3779B97F4A7C15
_WORD: Final = np.uint64(0xC2B2AE3D27D4EB4F)
_IS_SPACE: Final = np.array([chr(letter).isspace() and letter < 128 for letter in range(256)])


class Words(NamedTuple):
    """The words of several texts, one after the other.

    Attributes:
        keys: A hash of each word's letters, the same in every process ``(words,)``.
        text: Index of the text each word stands in ``(words,)``.
        counts: Number of words of each text ``(texts,)``.
    """

    keys: NDArray[np.uint64]
    text: NDArray[np.int64]
    counts: NDArray[np.int64]


def hashed_words(texts: Sequence[str]) -> Words:
    """Split texts at white space and hash every word.

    The hash of letters b_0 b_1 ... is the polynomial sum of b_j * m^j modulo 2^64, scrambled; differences of
    one running sum over all letters give it for every word at once.
    """
    encoded = [
        (text if text.isascii() else " ".join(text.split())).encode("utf-8", "surrogatepass")
        for text in texts
    ]
    letters = np.frombuffer(b" ".join([*encoded, b""]), np.uint8)
    is_space = np.ones(len(letters) + 2, dtype=bool)
    is_space[1:-1] = _IS_SPACE[letters]
    edges = np.flatnonzero(is_space[1:] != is_space[:-1])
    starts, ends = edges[::2], edges[1::2]
    powers, inverses = _powers(max(len(letters), 1).bit_length())
    sums = np.zeros(len(letters) + 1, np.uint64)
    np.cumsum(letters * powers[: len(letters)], out=sums[1:])
    keys = scramble((sums[ends] - sums[starts]) * inverses[starts])
    sizes = np.fromiter(map(len, encoded), np.int64, len(encoded)) + 1
    text = np.repeat(np.arange(len(texts)), sizes)[starts]
    return Words(keys, text, np.bincount(text, minlength=len(texts)))


def grow(keys: NDArray[np.uint64], words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the keys of n-grams made longer by one word each."""
    return keys * _WORD + words


def phrase_keys(phrases: Sequence[str]) -> NDArray[np.uint64]:
    """Return the key of each phrase as one n-gram ``(phrases,)``."""
    words = hashed_words(phrases)
    first = np.cumsum(words.counts) - words.counts
    keys = np.zeros(len(phrases), np.uint64)
    for place in range(int(words.counts.max(initial=0))):
        longer = np.flatnonzero(words.counts > place)
        word = words.keys[first[longer] + place]
        keys[longer] = grow(keys[longer], word) if place else word
    return keys


def scramble(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix 64-bit keys so that every bit depends on all bits of the key; different keys stay different."""
    keys = (keys ^ (keys >> np.uint64(31))) * _WORD
    return keys ^ (keys >> np.uint64(29))


@lru_cache(maxsize=2)
def _powers(bits: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return m^0, m^1, ... modulo 2^64 and their inverses, ``(2^bits,)`` each."""
    inverse = pow(_LETTER, -1, 1 << 64)
    tables = []
    for base in (_LETTER, inverse):
        table = np.full(1 << bits, base, np.uint64)
        table[0] = 1
        tables.append(np.cumprod(table))
    return tables[0], tables[1]


class NumberedKeys:
    """Numbers n-gram keys; a key it does not hold gets a number of its own beyond those it holds.

    An open-addressed table whose slots are the numbers: a slot is the first free one from the key's leading
    bits on, and at least three quarters of all slots stay free, so that most searches end at once.

    Args:
        keys: Distinct keys.

    Attributes:
        numbers: The number of each given key.
        size: Every number of a key that is held is smaller.
    """

    def __init__(self, keys: NDArray[np.uint64]) -> None:
        bits = len(keys).bit_length() + 2
        self._shift = np.uint64(64 - bits)
        self._last = np.uint64((1 << bits) - 1)
        self.size = 1 << bits
        self._keys = np.zeros(self.size, np.uint64)  # zero marks a free slot
        scrambled = scramble(keys)
        self.numbers = scrambled >> self._shift
        waiting = np.arange(len(keys))
        while len(waiting):
            free = waiting[self._keys[self.numbers[waiting]] == 0]
            self._keys[self.numbers[free]] = scrambled[free]  # of several for one slot the last gets it
            waiting = waiting[self._keys[self.numbers[waiting]] != scrambled[waiting]]
            self.numbers[waiting] = (self.numbers[waiting] + np.uint64(1)) & self._last

    def find(self, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return the number of each key, below 2^40."""
        scrambled = scramble(keys)
        slot = scrambled >> self._shift
        found = self._keys[slot]
        # 39 bits of hash stand for an unknown n-gram; only n-grams of one pair of texts are ever compared.
        unknown = (scrambled >> np.uint64(25)) + np.uint64(self.size)
        numbers = np.where(found == scrambled, slot, unknown)
        searching = np.flatnonzero((found != scrambled) & (found != 0))
        while len(searching):
            slot[searching] = (slot[searching] + np.uint64(1)) & self._last
            found = self._keys[slot[searching]]
            here = searching[found == scrambled[searching]]
            numbers[here] = slot[here]
            searching = searching[(found != scrambled[searching]) & (found != 0)]
        return numbers
