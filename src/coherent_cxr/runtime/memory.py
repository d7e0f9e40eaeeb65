"""Memory that is freed and soon asked for again."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Final

MMAP_THRESHOLD: Final = -3
TRIM_THRESHOLD: Final = -1
"""Parameters of ``mallopt``, as ``malloc.h`` of glibc numbers them."""
MOST: Final = 2**31 - 1


@cache
def keep_freed_memory() -> bool:
    """Let the C library keep what this process frees, for all its life.

    An encoder asks for the same tens of megabytes at every step. glibc takes such blocks from the system and
    gives them back at once, and the system fills each of their pages with zeros again, which costs a third of
    a training step and more (docs/performance.md). Results do not change.

    Returns:
        Whether the C library could be told; others than glibc have no such setting.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has none
        return False
    return all([mallopt(MMAP_THRESHOLD, MOST), mallopt(TRIM_THRESHOLD, MOST)])
