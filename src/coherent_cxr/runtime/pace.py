"""When the next checkpoint is due."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LARGEST_SHARE = 0.05
"""Largest share of a run's time for writing checkpoints within epochs."""


class Pace:
    """Counts the time since the last checkpoint.

    Args:
        every: Seconds between checkpoints within an epoch; None: no such checkpoints.
        clock: Gives the time in seconds.
    """

    def __init__(self, every: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._every = every
        self._clock = clock
        self._last = clock()
        self._cost = 0.0

    def due(self, share: float = 1.0) -> bool:
        """Return whether a checkpoint is due, or at a given share of the time to the next one.

        If writing takes long, checkpoints are rarer, so that they take at most :data:`LARGEST_SHARE` of the
        run's time.
        """
        if self._every is None:
            return False
        return self._clock() - self._last >= max(share * self._every, self._cost / LARGEST_SHARE)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Measure how long a checkpoint takes to write; the next interval starts at its end."""
        began = self._clock()
        yield
        self._last = self._clock()
        self._cost = self._last - began
