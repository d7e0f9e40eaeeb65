"""How far a loop is: one line that is redrawn on a terminal, written to a file now and then."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from tqdm import tqdm

from coherent_cxr.runtime.duration import duration

logger = logging.getLogger(__name__)

EVERY = 30.0
"""Seconds between two lines in a file; a loop that ends sooner writes none."""

T = TypeVar("T")

_slot: int | None = None
_beside = 1


def share_terminal(slot: int, processes: int) -> None:
    """Let this process' lines stand beside those of others.

    Args:
        slot: The line of a terminal, from 0, that is this process'.
        processes: How many write at the same time; to a file each writes the more rarely.
    """
    global _slot, _beside
    _slot, _beside = slot, processes


class ProgressLine:
    """Counts what a loop has done.

    Args:
        total: How much there is to do; None if that is not known.
        name: Of what is done.
        unit: Of what is counted, such as ``images``.
        done: What an earlier run has done already.
        shown: Whether anything is shown at all.
        scaled: Whether numbers are shown as thousands and millions: bytes.
        clock: Gives the time in seconds.
    """

    def __init__(
        self,
        total: int | None,
        name: str,
        unit: str,
        *,
        done: int = 0,
        shown: bool = True,
        scaled: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total, self._name, self._unit, self._scaled = total, name, unit, scaled
        self._began_with = self._done = done
        self._clock = clock
        self._began = self._last = clock()
        self._numbers: Mapping[str, Any] = {}
        self._bar: tqdm[Any] | None = None
        self._shown = shown
        if shown and sys.stderr.isatty():
            self._bar = tqdm(
                total=total,
                initial=done,
                desc=name,
                unit=f" {unit}",
                unit_scale=scaled,
                position=_slot,
                leave=False,
                dynamic_ncols=True,
            )

    def update(self, count: int = 1, **numbers: Any) -> None:
        """Count what was done, and show these numbers beside it."""
        self._done += count
        self._numbers = numbers or self._numbers
        if self._bar is not None:
            if numbers:
                self._bar.set_postfix(numbers, refresh=False)
            self._bar.update(count)
        elif self._shown and self._clock() - self._last >= EVERY * _beside:
            self._last = self._clock()
            logger.info("%s", str(self))  # as it is now, whenever the record is written

    def close(self) -> None:
        """Take the line off a terminal."""
        if self._bar is not None:
            self._bar.close()

    def __str__(self) -> str:
        """Say what is done, how fast it goes, and how long the rest will take."""
        new, seconds = self._done - self._began_with, self._clock() - self._began
        rate = new / seconds if seconds > 0 else 0.0
        parts = [f"{self._name}: {self._amount(self._done)} {self._unit}"]
        if self._total:
            parts[0] = f"{self._name}: {self._amount(self._done)} of {self._amount(self._total)} {self._unit}"
            parts[0] += f" ({self._done / self._total:.0%})"
        if rate:
            parts.append(f"{rate:,.1f} a second" if rate < 10 else f"{self._amount(round(rate))} a second")
        if rate and self._total:
            parts.append(f"{duration((self._total - self._done) / rate)} left")
        return ", ".join([*parts, *(f"{name} {value}" for name, value in self._numbers.items())])

    def _amount(self, number: int) -> str:
        return tqdm.format_sizeof(number) if self._scaled else f"{number:,}"

    def __enter__(self) -> Self:
        """Return the line."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the line off a terminal."""
        self.close()


def counted(items: Iterable[T], name: str, unit: str) -> Iterator[T]:
    """Yield items, and show how many there were and, where they have a length, how many are left."""
    total = None
    with suppress(TypeError):
        total = len(items)  # type: ignore[arg-type]  # iterators have none
    with ProgressLine(total, name, unit) as line:
        for item in items:
            yield item
            line.update()
