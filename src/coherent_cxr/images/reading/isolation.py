"""Processes that decode untrusted files: bounded in memory and time, and allowed to crash."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

MAX_PROCESS_BYTES = 3_000_000_000
"""Memory of such a process; its own libraries need a tenth of it."""
SECONDS, SECONDS_PER_MEGAPIXEL = 1.5, 0.2
"""Processor time for a frame; the slowest decoder, of JPEG 2000, takes half of that for a megapixel."""
CRASHED = "makes its decoder crash or compute without end; it is damaged, or built to do harm."
_limited: list[bool] = []


def limit_process() -> None:
    """Make this process one that may die: a decoder in it that asks for too much fails, not the machine.

    Memory-mapped files do not count. Where the system knows no such limit, none is set.
    """
    _limited.append(True)
    try:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        least = MAX_PROCESS_BYTES if hard == resource.RLIM_INFINITY else min(MAX_PROCESS_BYTES, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (least, hard))
    except (ImportError, AttributeError, ValueError, OSError):
        return


def is_limited() -> bool:
    """Tell whether this process may die."""
    return bool(_limited)


@contextmanager
def time_limit(pixels: int) -> Iterator[None]:
    """End this process, if it may die, when decoding takes far longer than it should.

    No handler in Python could: it would wait for the decoder to come back.

    Args:
        pixels: Size of the frame.
    """
    if not _limited or not hasattr(signal, "ITIMER_PROF"):
        yield
        return
    signal.setitimer(signal.ITIMER_PROF, SECONDS + SECONDS_PER_MEGAPIXEL * pixels / 1e6)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
