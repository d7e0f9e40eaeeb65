"""Pictures of the page, each inside an address: nothing is kept where it could be fetched again."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from coherent_cxr.evaluation.report.figures.overlay import first_view, overlay
from coherent_cxr.images.reading.decode import fit, read_radiograph
from coherent_cxr.images.reading.dicom import is_dicom
from coherent_cxr.images.reading.dicom.opening import open_dicom
from coherent_cxr.images.reading.dicom.tags import text
from coherent_cxr.reports.word_attention import WordAttention

SHOWN_SIZE = 1024
"""Largest side of a radiograph on the page, in pixels."""
OPPOSITE = {"L": "R", "R": "L"}


class ShownAttention(NamedTuple):
    """Where a word or sentence looked.

    Attributes:
        regions: Share of the attention on each cell of the image ``(rows, columns)``.
        on_image: Sum of these shares.
    """

    regions: NDArray[np.float64]
    on_image: float


def radiograph_picture(data: bytes, name: str) -> str:
    """Return a radiograph as the model reads it, in a black square, but larger: at most 1,024 pixels a side.

    Raises:
        UnreadableImageError: If it cannot be read.
    """
    pixels = read_radiograph(data, name, SHOWN_SIZE).pixels
    return _png(fit(pixels, min(SHOWN_SIZE, max(pixels.shape))))


def attention_picture(regions: NDArray[np.float64], top: float) -> str:
    """Return a map as a picture of one pixel a cell, to be laid over the square radiograph.

    Args:
        regions: Share of the attention on each cell ``(rows, columns)``.
        top: Share at the top of the scale.
    """
    return _png((255 * overlay(regions, regions.shape, top)).round().astype(np.uint8))


def attention_of(words: Sequence[WordAttention], place: int | None) -> ShownAttention:
    """Return where a word looked, or a whole sentence: the mean over its words.

    Args:
        words: Those of the sentence, finding token included.
        place: Which of them; None for the sentence.
    """
    chosen = words if place is None else [words[place]]
    if place is None:
        chosen = [word for word in words if not word.is_finding_token] or words
    regions = np.mean([first_view(word.regions) for word in chosen], axis=0)
    return ShownAttention(regions, float(regions.sum()))


def side_at_left(data: bytes) -> str | None:
    """Return the patient's side at the left edge of an image, "R" or "L", if its DICOM tags say it."""
    if not is_dicom(data):
        return None
    try:
        rows = text(open_dicom(data, "The image", ["PatientOrientation"]), "PatientOrientation")
    except Exception:  # a side that cannot be read is unknown, whatever is wrong with the file
        return None
    return OPPOSITE.get(rows[:1])


def _png(pixels: NDArray[np.uint8]) -> str:
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, format="PNG", compress_level=3)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
