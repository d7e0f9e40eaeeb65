"""A bounded, thread-safe cache of sentences' contributions: templated text repeats itself."""

from __future__ import annotations

import threading
from typing import NamedTuple


class CacheStatistics(NamedTuple):
    """How a sentence cache has served.

    Attributes:
        hits: Sentences found.
        misses: Sentences that had to be analysed.
        size: Sentences held now.
        capacity: The most it will hold.
    """

    hits: int
    misses: int
    size: int
    capacity: int

    @property
    def hit_rate(self) -> float:
        """Share of hits in [0, 1]; 0 before the first sentence."""
        return self.hits / (self.hits + self.misses) if self.hits + self.misses else 0.0


class SentenceCache:
    """Two generations of at most half the capacity each; the older one is dropped when the younger is full.

    Reads take no lock (a dictionary look-up is atomic); writes and counts do.

    Args:
        capacity: Most sentences to hold; 0 switches the cache off.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 0:
            raise ValueError(
                f"The cache capacity is {capacity}; it must be 0 (no cache) or a positive number."
            )
        self.capacity = capacity
        self._young: dict[str, int] = {}
        self._old: dict[str, int] = {}
        self._hits = 0
        self._misses = 0
        self._lock = threading.Lock()

    def get(self, sentence: str) -> int | None:
        """Return what is known of a sentence, or None; counting is left to :meth:`count`."""
        votes = self._young.get(sentence)
        if votes is None and (votes := self._old.get(sentence)) is not None:
            self.put(sentence, votes)
        return votes

    def put(self, sentence: str, votes: int) -> None:
        """Remember a sentence."""
        if self.capacity == 0:
            return
        with self._lock:
            if len(self._young) >= max(1, self.capacity // 2):
                self._old, self._young = (self._young, {}) if self.capacity > 1 else ({}, {})
            self._young[sentence] = votes

    def count(self, hits: int, misses: int) -> None:
        """Add to the statistics."""
        with self._lock:
            self._hits += hits
            self._misses += misses

    @property
    def statistics(self) -> CacheStatistics:
        """The counts so far; a sentence held by both generations counts once."""
        with self._lock:
            size = len(self._young.keys() | self._old.keys())
            return CacheStatistics(self._hits, self._misses, size, self.capacity)
