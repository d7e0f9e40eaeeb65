"""What all readers of radiographs share: the refusal, the limits, and stretching to eight bits."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.images.notes import Note

MIN_SIDE = 16
MAX_PIXELS = 80_000_000
ROWS = 32


class UnreadableImageError(ValueError):
    """An image that cannot become a radiograph.

    Attributes:
        reason: Short code for an exclusions table, for example ``"truncated_image"``.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Radiograph(NamedTuple):
    """A decoded radiograph.

    Attributes:
        pixels: Grey levels (height, width), bright is dense.
        height: Height of the image in its file, in pixels; that of ``pixels`` unless it was decoded smaller.
        width: Width of the image in its file.
        notes: Notes on its file.
    """

    pixels: NDArray[np.uint8]
    height: int
    width: int
    notes: tuple[Note, ...] = ()


def check_size(name: str, width: int, height: int) -> None:
    """Refuse an image by its size, before it is decoded.

    Raises:
        UnreadableImageError: If a side has fewer than 16 pixels, or the image more than 80 megapixels.
    """
    if min(width, height) < MIN_SIDE:
        raise UnreadableImageError(
            "image_too_small",
            f"{name} is {width} × {height} pixels; at least {MIN_SIDE} on each side are needed.",
        )
    if width * height > MAX_PIXELS:
        raise UnreadableImageError("image_too_large", too_large(name))


def too_large(name: str) -> str:
    """Return the sentence about an image with too many pixels."""
    return f"{name} has more than {MAX_PIXELS:,} pixels; no radiograph does, so it was not decoded."


def stretch(levels: NDArray[Any], low: float | None = None, high: float | None = None) -> NDArray[np.uint8]:
    """Map grey levels linearly to 0..255.

    Args:
        levels: Numbers of any kind and shape.
        low: Level that becomes 0; the lowest of ``levels`` by default.
        high: Level that becomes 255; the highest of ``levels`` by default. Below ``low`` it inverts.

    Returns:
        The same shape in uint8; zeros if ``low`` equals ``high``.
    """
    low = float(levels.min()) if low is None else low
    high = float(levels.max()) if high is None else high
    if low == high:
        return np.zeros(levels.shape, dtype=np.uint8)
    if levels.dtype.kind in "iu" and levels.dtype.itemsize <= 2 and levels.size > 1 << 16:
        every = np.arange(int(levels.min()), int(levels.max()) + 1)
        return look_up(levels, every, stretch(every, low, high))
    scaled = (levels.astype(np.float32) - np.float32(low)) * np.float32(255.0 / (high - low))
    return np.clip(np.round(scaled), 0, 255).astype(np.uint8)


def look_up(levels: NDArray[Any], every: NDArray[Any], grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Replace grey levels by what was computed once per level.

    Args:
        levels: Integers of at most 16 bits, any shape.
        every: Levels, each once.
        grey: What becomes of each of ``every``; other levels become 0.

    Returns:
        Grey levels in the shape of ``levels``.
    """
    unsigned = np.dtype(f"u{levels.dtype.itemsize}")
    table = np.zeros(1 << 8 * levels.dtype.itemsize, dtype=np.uint8)
    table[every.astype(unsigned)] = grey
    places = np.ascontiguousarray(levels.astype(unsigned, copy=False))
    out = np.empty(levels.shape, dtype=np.uint8)
    for start in range(0, len(places), ROWS):  # in pieces that fit a processor's cache: twice as fast
        np.take(table, places[start : start + ROWS], out=out[start : start + ROWS], mode="clip")
    return out
