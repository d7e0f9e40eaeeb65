"""Any accepted image, prepared as the model reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from coherent_cxr.images.reading.decode import SPARE, fit, read_radiograph
from coherent_cxr.images.reading.grey import Radiograph
from coherent_cxr.images.reading.pictures import read_pixels

ImageSource = str | Path | bytes | Image.Image | NDArray[Any] | Radiograph
"""A PNG, JPEG or DICOM file or its bytes, a Pillow image, numbers (height, width), or one that was read."""


def prepared(source: ImageSource, size: int, name: str | None = None) -> Radiograph:
    """Decode any accepted image by the rules that also prepare training images.

    Args:
        source: The image.
        size: Side of the square the model reads.
        name: What error messages call the image.

    Returns:
        Grey levels (size, size), with the reader's notes.

    Raises:
        UnreadableImageError: If it cannot be decoded, or shows nothing.
    """
    if isinstance(source, Radiograph):
        radiograph = source
    elif isinstance(source, str | Path | bytes):
        radiograph = read_radiograph(source, name, SPARE * size)
    else:
        radiograph = read_pixels(source, name or "The image")
    return radiograph._replace(pixels=fit(radiograph.pixels, size))
