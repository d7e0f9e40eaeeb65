"""Memory that is freed and soon asked for again."""

from __future__ import annotations

import ctypes
import sys
from typing import Final

MMAP_THRESHOLD: Final = -3
TRIM_THRESHOLD: Final = -1
"""Parameters of ``mallopt``, as ``malloc.h`` of glibc numbers them."""
MOST: Final = 2**31 - 1
IMAGE: Final = 2**25
"""Bytes of an ordinary radiograph's pixels; a hostile file may ask for a hundred times as many."""
BLOCKS: Final = 8
"""How many of the largest blocks are kept at the end of the heap."""

_kept: list[int] = []


def keep_freed_memory(up_to: int = MOST) -> bool:
    """Let the C library keep what this process frees, for all its life.

    An encoder asks for the same tens of megabytes at every step, and so does a decoder of images. glibc takes
    such blocks from the system and gives them back at once, and the system fills each of their pages with
    zeros again, which costs a third of an encoder's training step and more (docs/performance.md). Results do
    not change.

    Args:
        up_to: Bytes of the largest block that is kept. A second call can only raise it.

    Returns:
        Whether the C library could be told; others than glibc have no such setting.
    """
    if _kept and up_to <= _kept[-1]:
        return True
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has none
        return False
    # older glibc refuses more than IMAGE; the second setting without the first would do harm
    told = mallopt(MMAP_THRESHOLD, up_to) or mallopt(MMAP_THRESHOLD, min(up_to, IMAGE))
    if not told or not mallopt(TRIM_THRESHOLD, min(BLOCKS * up_to, MOST)):
        return False
    _kept.append(up_to)
    return True
