"""From stored DICOM values to display brightness: rescale, window (VOI LUT), inversion, padding."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from coherent_cxr.images.reading.dicom.tags import numbers, text, value_of
from coherent_cxr.images.reading.grey import (
    FEWEST_LEVELS,
    UnreadableImageError,
    check_contrast,
    sample,
    to_grey,
)
from coherent_cxr.images.reading.notes import Note

Numbers = NDArray[Any]
Step = Callable[[Numbers], Numbers]
MAX_SLOPE, MAX_INTERCEPT = 1e9, 1e12
CLIPPED = 0.9
"""Share of pixels that a window may make black or white before it counts as one that shows nothing."""
PADDING = {
    "PixelData": ("PixelPaddingValue", "PixelPaddingRangeLimit"),
    "FloatPixelData": ("FloatPixelPaddingValue", "FloatPixelPaddingRangeLimit"),
    "DoubleFloatPixelData": ("DoubleFloatPixelPaddingValue", "DoubleFloatPixelPaddingRangeLimit"),
}


def show(frame: Numbers, dataset: Dataset, name: str) -> tuple[NDArray[np.uint8], list[Note]]:
    """Map a frame to grey levels.

    Bits beyond Bits Stored are masked, padding is left out and black, then come the modality LUT or rescale,
    the VOI LUT or the first window, and the inversion of MONOCHROME1 or of an INVERSE presentation LUT; last
    the rule of all formats, :func:`coherent_cxr.images.reading.grey.to_grey`.

    Args:
        frame: Stored numbers (rows, columns).
        dataset: The file's tags.
        name: What messages call the image.

    Returns:
        Grey levels (rows, columns), bright is dense, and notes.

    Raises:
        UnreadableImageError: If the image shows nothing, or its numbers or rescaling are not finite.
    """
    notes: list[Note] = []
    mask = _mask(frame.dtype, dataset)
    hidden = _hidden(mask, dataset)
    few = sample(frame)
    if hidden is not None:
        image = few[~hidden(few)]
        if len(image) == 0:
            notes.append(
                Note("padding_ignored", "Its padding value covers it all, so it was taken for image.")
            )
            hidden = None
        few = few if hidden is None else image
    if frame.dtype.kind == "f":
        _check_finite(frame, hidden, name)
        check_contrast(name, few, fewest=0)
    else:
        check_contrast(name, mask(few), fewest=min(FEWEST_LEVELS, (2**dataset.BitsStored - 1) / 16))
    modality = _modality(dataset, name)
    voi = _voi(dataset)
    if voi is not None and _shows_nothing(voi(modality(mask(few)))):
        voi = None
        detail = "Its window shows nothing, so grey levels were stretched instead."
        notes.append(Note("window_ignored", detail))
    elif voi is None and (numbers(dataset, "WindowCenter") or numbers(dataset, "WindowWidth")):
        notes.append(Note("window_ignored", "Its window is none, so grey levels were stretched instead."))
    sign, said_of_sign = _sign(dataset)
    notes += said_of_sign

    def brightness(stored: Numbers) -> Numbers:
        values = modality(mask(stored))
        return sign * (values if voi is None else voi(values))

    return to_grey(frame, brightness, hidden), notes


def _mask(dtype: np.dtype[Any], dataset: Dataset) -> Step:
    if dtype.kind == "f":
        return lambda stored: stored
    bits, allocated = dataset.BitsStored, 8 * dtype.itemsize
    # Compressed data hold numbers as they are; the high bit says where they lie in uncompressed ones.
    shift = 0 if dataset.file_meta.TransferSyntaxUID.is_compressed else dataset.HighBit + 1 - bits
    if shift + bits > allocated:
        shift, bits = 0, min(bits, allocated)
    if allocated == 64:
        return lambda stored: stored
    sign = (1 << bits - 1) if dataset.PixelRepresentation == 1 else 0

    def masked(stored: Numbers) -> Numbers:
        pattern: Numbers = stored.astype(np.int64) >> shift & (1 << bits) - 1
        return (pattern ^ sign) - sign  # extends the sign

    return masked


def _hidden(mask: Step, dataset: Dataset) -> Callable[[Numbers], NDArray[np.bool_]] | None:
    kind = next(keyword for keyword in PADDING if keyword in dataset)
    value, limit = (numbers(dataset, keyword)[:1] for keyword in PADDING[kind])
    if not value:
        return None
    ends = sorted([*value, *(limit if limit and not math.isnan(limit[0]) else [])])
    low, high = ends[0], ends[-1]
    if math.isnan(low):
        return np.isnan if kind != "PixelData" else None
    if kind != "PixelData":
        return lambda stored: (stored >= low) & (stored <= high)
    bits, allocated = dataset.BitsStored, dataset.BitsAllocated
    least, most = (
        (-(1 << bits - 1), (1 << bits - 1) - 1) if dataset.PixelRepresentation else (0, (1 << bits) - 1)
    )
    if least <= low and high <= most:
        return lambda stored: (mask(stored) >= low) & (mask(stored) <= high)
    # Written for all the bits that are allocated, or with the other sign.
    every = (1 << allocated) - 1
    first, last = sorted((int(low) & every, int(high) & every))
    return lambda stored: (
        (stored.astype(np.int64) & every >= first) & (stored.astype(np.int64) & every <= last)
    )


def _check_finite(frame: Numbers, hidden: Callable[[Numbers], NDArray[np.bool_]] | None, name: str) -> None:
    for row in frame:
        seen = row if hidden is None else row[~hidden(row)]
        if not np.isfinite(seen).all():
            raise UnreadableImageError("not_finite", f"{name} has pixels that are infinite or not a number.")


def _modality(dataset: Dataset, name: str) -> Step:
    table = value_of(dataset, "ModalityLUTSequence")
    if isinstance(table, Sequence) and table:
        return _table(table[0], dataset)
    slope = (numbers(dataset, "RescaleSlope") or [1.0])[0]
    intercept = (numbers(dataset, "RescaleIntercept") or [0.0])[0]
    if not (0 < abs(slope) <= MAX_SLOPE and abs(intercept) <= MAX_INTERCEPT and abs(slope) >= 1 / MAX_SLOPE):
        raise UnreadableImageError(
            "senseless_rescale",
            f"{name} rescales its numbers with slope {slope:.6g} and intercept {intercept:.6g}; "
            "no image comes out of that.",
        )
    return lambda stored: stored * slope + intercept


def _voi(dataset: Dataset) -> Step | None:
    """Return the VOI LUT, else the first window as a function with values from 0 to 1, else None."""
    table = value_of(dataset, "VOILUTSequence")
    if isinstance(table, Sequence) and table:
        return _table(table[0], dataset)
    centres, widths = numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth")
    if not centres or not widths or not math.isfinite(centres[0]) or not 0 < widths[0] < math.inf:
        return None
    centre, width, kind = centres[0], widths[0], text(dataset, "VOILUTFunction")
    if kind == "SIGMOID":
        return lambda values: 1 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -500, 500)))
    if kind != "LINEAR_EXACT" and width > 1:  # PS3.3 C.11.2.1.2.1
        centre, width = centre - 0.5, width - 1
    return lambda values: np.clip((values - centre) / width + 0.5, 0, 1)


def _shows_nothing(shown: Numbers) -> bool:
    ends = (shown == shown.min()) | (shown == shown.max())
    return bool(ends.mean() > CLIPPED)


def _sign(dataset: Dataset) -> tuple[int, list[Note]]:
    """Return -1 if low numbers are bright, else 1, and a note on it."""
    first = dataset.PhotometricInterpretation == "MONOCHROME1"
    shape = text(dataset, "PresentationLUTShape")
    if first and shape == "IDENTITY":
        detail = (
            "Its tags say both that low values are bright and that they are dark; they were taken for bright."
        )
        return -1, [Note("contradictory_inversion", detail)]
    if first or shape == "INVERSE":
        return -1, [Note("monochrome1_inverted", "Low values are bright in the file, so it was inverted.")]
    return 1, []


def _table(item: Dataset, dataset: Dataset) -> Step:
    """Return a LUT as a function; numbers before its first and after its last entry get those."""
    described = numbers(item, "LUTDescriptor")
    entries = int(described[0]) % (1 << 16) or 1 << 16
    first = described[1]
    if dataset.PixelRepresentation == 1 and first >= 1 << 15:
        first -= 1 << 16  # signed, but written as if it were not
    data = value_of(item, "LUTData")
    if isinstance(data, bytes):
        order = "<" if dataset.original_encoding[1] is not False else ">"
        data = np.frombuffer(data, np.uint8 if len(data) in (entries, entries + 1) else f"{order}u2")
    table = np.asarray(data, dtype=np.float64)[:entries]
    return lambda values: table[np.clip(np.round(values - first), 0, len(table) - 1).astype(np.int64)]
