"""Reading radiographs: a PNG, JPEG or DICOM of any kind becomes one grey 8-bit array, or a reason why not."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from coherent_cxr.images.reading.dicom import is_dicom
from coherent_cxr.images.reading.grey import Radiograph, UnreadableImageError
from coherent_cxr.images.reading.limits import MAX_SCANS, check_bytes, check_size, read_bounded, too_large
from coherent_cxr.images.reading.pictures import bytes_per_pixel, grey_levels, stand_up, turned

__all__ = ["UnreadableImageError", "fit", "read_image", "read_radiograph", "read_square"]

FORMATS = ("PNG", "JPEG")
SPARE = 2
"""How many times the wanted side a JPEG that is decoded smaller keeps, as in Pillow's thumbnails."""
SCAN = b"\xff\xda"


def read_image(source: str | Path | bytes, name: str | None = None) -> NDArray[np.uint8]:
    """Decode one PNG, JPEG or DICOM file into grey levels; see :func:`read_radiograph`.

    Args:
        source: Path of the file, or its bytes.
        name: What error messages call the image; the path by default.

    Returns:
        Grey levels (height, width), 0 to 255, upright, bright is dense.

    Raises:
        UnreadableImageError: As :func:`read_radiograph`.
    """
    return read_radiograph(source, name).pixels


def read_square(source: str | Path | bytes, size: int, name: str | None = None) -> Radiograph:
    """Decode one PNG, JPEG or DICOM file and scale it into a square, as the model reads it.

    A JPEG much larger than the square is decoded at a half, a quarter or an eighth of its size, which its
    decoder does in a fraction of the time.

    Args:
        source: Path of the file, or its bytes.
        size: Side of the square in pixels.
        name: What error messages call the image; the path by default.

    Returns:
        Grey levels (size, size) as :func:`fit` makes them, the size of the image in its file, and notes.

    Raises:
        UnreadableImageError: As :func:`read_radiograph`.
    """
    radiograph = read_radiograph(source, name, SPARE * size)
    return radiograph._replace(pixels=fit(radiograph.pixels, size))


def read_radiograph(
    source: str | Path | bytes, name: str | None = None, enough: int | None = None
) -> Radiograph:
    """Decode one PNG, JPEG or DICOM file, with notes on what is odd about it.

    DICOM is read as a viewer would show it: :func:`~coherent_cxr.images.reading.dicom.reading.read_dicom`.
    In other files colours become luminance (ITU-R 601), transparent pixels black, and an EXIF orientation is
    applied. Grey levels of every format are then mapped linearly so that the 0.5th percentile of the pixels
    becomes 0 and the 99.5th 255, see :func:`coherent_cxr.images.reading.grey.to_grey`.

    Args:
        source: Path of the file, or its bytes.
        name: What error messages call the image; the path by default.
        enough: Pixels of the longer side that are enough: a JPEG is decoded smaller as long as it keeps them.

    Returns:
        Grey levels (height, width), 0 to 255, upright, and notes.

    Raises:
        UnreadableImageError: If the file is missing, empty, of another format, truncated or damaged, shows
            nothing, is smaller than 16 pixels on a side, or beyond :mod:`coherent_cxr.images.reading.limits`.
    """
    name = name or ("the image" if isinstance(source, bytes) else str(source))
    data = source if isinstance(source, bytes) else read_bounded(Path(source))
    check_bytes(name, len(data))
    if is_dicom(data):
        from coherent_cxr.images.reading.dicom.reading import read_dicom

        return read_dicom(data, name)
    try:
        return _read_picture(data, name, enough)
    except UnreadableImageError:
        raise
    except UnidentifiedImageError:
        raise UnreadableImageError(
            "unknown_format", f"{name} is neither a PNG, a JPEG nor a DICOM image."
        ) from None
    except (Image.DecompressionBombError, MemoryError):
        raise too_large(name) from None
    except Exception as error:
        # Damaged files make Pillow raise OSError, SyntaxError, ValueError, struct.error, zlib.error and more.
        truncated = "truncated" in str(error).lower()
        raise UnreadableImageError(
            "truncated_image" if truncated else "damaged_image",
            f"{name} cannot be decoded ({str(error)[:200]}); copy it again from its source.",
        ) from error


def fit(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Scale an image into a square, keeping its aspect ratio, centred on black.

    Args:
        image: Grey levels (height, width).
        size: Side of the square in pixels.

    Returns:
        Grey levels (size, size). Shrinking averages over the area of each new pixel (Pillow's antialiased
        bilinear filter), so that thin lines do not alias; enlarging interpolates.
    """
    height, width = image.shape
    scale = size / max(height, width)
    new_height = max(1, round(height * scale))
    new_width = max(1, round(width * scale))
    if (new_height, new_width) != (height, width):
        # The gap lets Pillow average whole blocks first, at a tenth of the time and within 2 grey levels.
        scaled = Image.fromarray(image).resize(
            (new_width, new_height), Image.Resampling.BILINEAR, reducing_gap=3.0
        )
        image = np.asarray(scaled)
    square = np.zeros((size, size), dtype=np.uint8)
    top, left = (size - new_height) // 2, (size - new_width) // 2
    square[top : top + new_height, left : left + new_width] = image
    return square


def _read_picture(data: bytes, name: str, enough: int | None) -> Radiograph:
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        check_size(name, image.width, image.height, bytes_per_pixel(image))
        if image.info.get("progressive") and data.count(SCAN) > MAX_SCANS:
            raise UnreadableImageError(
                "too_many_scans", f"{name} is a JPEG of more than {MAX_SCANS} scans; it was not decoded."
            )
        width, height = image.size
        if turned(image):
            width, height = height, width
        if enough is not None:
            longer = max(image.size)
            image.draft(None, (-(-image.width * enough // longer), -(-image.height * enough // longer)))
        image.load()
        return Radiograph(grey_levels(stand_up(image), name), height, width)
