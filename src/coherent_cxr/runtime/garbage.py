"""Python's garbage collector, kept from searching what a program has only just made and will keep.

Imports and settings make some 400,000 objects that stay as long as the process. Each time their number has
grown by a quarter, and again when the process ends, the collector looks at all of them and finds nothing: a
third of what a short command takes (docs/performance.md).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

STARTING: Final = 100_000
"""How many new objects the collector waits for while a program starts."""
_USUAL: Final = gc.get_threshold()


@cache
def collect_seldom() -> None:
    """Collect seldom until :func:`collect_as_usual` is called; later calls in a process do nothing."""
    gc.set_threshold(STARTING)


def collect_as_usual() -> None:
    """Collect as often as Python does again, but leave out everything that has been made so far."""
    if gc.get_threshold()[0] == STARTING:
        gc.freeze()
        gc.set_threshold(*_USUAL)


@contextmanager
def starting() -> Iterator[None]:
    """Collect seldom within a block that imports much of our own.

    What is there at its end is not searched when the process ends either, so it must need no closing.
    """
    collect_seldom()
    try:
        yield
    finally:
        collect_as_usual()
