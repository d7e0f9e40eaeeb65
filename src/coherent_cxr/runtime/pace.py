"""When the next checkpoint is due."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LARGEST_SHARE = 0.05
"""Share of a run's time that writing checkpoints within epochs may take."""


class Pace:
    """Counts the time since the last checkpoint.

    Args:
        every: Seconds between checkpoints within an epoch; None: none are due.
        clock: Gives the time in seconds.
    """

    def __init__(self, every: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._every = every
        self._clock = clock
        self._last = clock()
        self._cost = 0.0

    def due(self, share: float = 1.0) -> bool:
        """Return whether a share of the time between checkpoints has passed.

        Where writing takes long, checkpoints are rarer, so that a run never spends more than
        :data:`LARGEST_SHARE` of its time on them.
        """
        if self._every is None:
            return False
        return self._clock() - self._last >= max(share * self._every, self._cost / LARGEST_SHARE)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Measure how long a checkpoint takes to write, and count from its end."""
        began = self._clock()
        yield
        self._last = self._clock()
        self._cost = self._last - began
