"""The rule by which stored values of any format become 256 grey levels."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.images.reading.notes import Note

DARKEST, BRIGHTEST = 0.005, 0.995
"""Shares of the pixels between which grey levels are stretched: 0.5 % at each end are cut off."""
LOOKED_AT = 1 << 16
"""Pixels from which percentiles are taken, at least, where an image has as many."""
BULK = (0.05, 0.95)
FEWEST_LEVELS = 16
SMALLEST_SPREAD = 0.02
ROWS = 32
Numbers = NDArray[Any]


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


def sample(stored: Numbers) -> Numbers:
    """Take pixels spread evenly over an image, all of them if they are few.

    Args:
        stored: An image (height, width).

    Returns:
        At least 65,536 of its pixels (pixels,), from every column alike.
    """
    step = max(1, stored.size // LOOKED_AT)
    while math.gcd(step, stored.shape[1]) != 1:
        step += 1
    return stored.ravel()[::step]


def percentiles(values: Numbers, shares: tuple[float, ...]) -> list[float]:
    """Return the values below which the given shares of all lie (nearest rank, the same mirrored)."""
    last = len(values) - 1
    # 1 - 0.95 is a little more than 0.05, which is another rank where the product ends in one half
    mirrored = [min(share, round(1 - share, 9)) for share in shares]
    ranks = [round(share * last) for share in mirrored]
    places = [rank if share < 0.5 else last - rank for rank, share in zip(ranks, shares, strict=True)]
    if values.dtype == np.uint8:  # counting is three times as fast
        up_to = np.bincount(values, minlength=256).cumsum()
        return [float(level) for level in np.searchsorted(up_to, places, side="right")]
    ordered = np.partition(values, places)
    return [float(ordered[place]) for place in places]


def cut_offs(values: Numbers) -> tuple[float, float]:
    """Return what becomes black and white: the 0.5th and the 99.5th percentile of an image's numbers.

    Neither may lie further from the 5th and 95th than these from each other. Radiographs keep to that by
    themselves; a caption burned in at 65,535 over 12 bits of tissue does not.
    """
    darkest, low, high, brightest = percentiles(values, (DARKEST, *BULK, BRIGHTEST))
    spread = high - low
    return max(darkest, low - spread), min(brightest, high + spread)


def check_contrast(name: str, values: Numbers, fewest: float = FEWEST_LEVELS) -> None:
    """Refuse an image that shows nothing.

    Nine tenths of the pixels are looked at, so that a label in the corner of a black image does not count.

    Args:
        name: What the message calls the image.
        values: Stored numbers of pixels (pixels,).
        fewest: Least difference between the dark and the bright among them.

    Raises:
        UnreadableImageError: If they differ by less, by less than 2 % of their own amount, or
            by more than a number can hold.
    """
    low, high = percentiles(values, BULK)
    if not math.isfinite(high - low):
        raise UnreadableImageError("not_finite", f"{name} has pixels beyond all numbers.")
    if high - low < fewest or high - low <= SMALLEST_SPREAD * max(abs(low), abs(high)):
        raise UnreadableImageError(
            "constant_image",
            f"{name} shows nothing: nine tenths of its pixels lie between {low:.6g} and {high:.6g}.",
        )


def to_grey(
    stored: Numbers,
    shown: Callable[[Numbers], Numbers] | None = None,
    hidden: Callable[[Numbers], NDArray[np.bool_]] | None = None,
    looked_at: Numbers | None = None,
) -> NDArray[np.uint8]:
    """Map an image linearly to 0..255 between its 0.5th and its 99.5th percentile, see :func:`cut_offs`.

    Args:
        stored: Numbers of any kind (height, width), as they are stored.
        shown: How bright they are on any scale, each number for itself; as they are by default.
        hidden: Which of them are no image (padding); they become 0 and count for no percentile.
        looked_at: Pixels from which the percentiles are taken; a sample of all by default.

    Returns:
        Grey levels (height, width).
    """
    few = sample(stored) if looked_at is None else looked_at
    if hidden is not None:
        few = few[~hidden(few)]
    low, high = cut_offs(few if shown is None else shown(few))

    def grey(numbers: Numbers) -> NDArray[np.uint8]:
        levels = stretch(numbers if shown is None else shown(numbers), low, high)
        if hidden is not None:
            levels[hidden(numbers)] = 0
        return levels

    if stored.dtype.kind in "iu" and stored.dtype.itemsize <= 2:
        # Every step looks at one pixel alone, so it is done once per number instead of once per pixel.
        return look_up(stored, grey(every(stored.dtype)))
    out = np.empty(stored.shape, dtype=np.uint8)
    for start in range(0, len(stored), ROWS):
        out[start : start + ROWS] = grey(stored[start : start + ROWS])
    return out


def every(dtype: np.dtype[Any]) -> Numbers:
    """Return every number of an integer type of at most 16 bits, by its pattern of bits from 0 up."""
    unsigned = np.dtype(f"u{dtype.itemsize}")
    return np.arange(1 << 8 * dtype.itemsize, dtype=unsigned).view(dtype.newbyteorder("="))


def stretch(levels: Numbers, low: float, high: float) -> NDArray[np.uint8]:
    """Map numbers linearly so that ``low`` becomes 0 and ``high`` 255, cutting off what lies outside.

    Args:
        levels: Numbers of any kind and shape.
        low: Number that becomes 0.
        high: Number that becomes 255; zeros come out if it is not above ``low``.

    Returns:
        The same shape in uint8.
    """
    if not low < high:
        return np.zeros(levels.shape, dtype=np.uint8)
    scaled = (levels.astype(np.float64) - low) * (255.0 / (high - low))
    return np.round(np.clip(scaled, 0, 255)).astype(np.uint8)


def look_up(stored: Numbers, table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Replace integers of at most 16 bits by what stands in a table at their pattern of bits.

    Args:
        stored: Integers (height, width).
        table: What becomes of each of :func:`every` number.

    Returns:
        Grey levels (height, width).
    """
    native = np.ascontiguousarray(stored, dtype=stored.dtype.newbyteorder("="))
    patterns = native.view(f"u{stored.dtype.itemsize}")
    out = np.empty(stored.shape, dtype=np.uint8)
    for start in range(0, len(patterns), ROWS):  # in pieces that fit a processor's cache: twice as fast
        np.take(table, patterns[start : start + ROWS], out=out[start : start + ROWS], mode="clip")
    return out
