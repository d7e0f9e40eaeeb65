"""Reading radiographs: a PNG, JPEG or DICOM of any kind becomes one grey 8-bit array, or a stated refusal."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from coherent_cxr.images.dicom import is_dicom, read_dicom
from coherent_cxr.images.grey import Radiograph, UnreadableImageError, check_size, stretch, too_large

__all__ = ["UnreadableImageError", "fit", "read_image", "read_radiograph", "read_square"]

FORMATS = ("PNG", "JPEG")
SPARE = 2
"""How many times the wanted side a JPEG that is decoded smaller keeps, as in Pillow's thumbnails."""
SIDEWAYS = (5, 6, 7, 8)
"""EXIF orientations that swap height and width."""


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

    DICOM is read as a viewer would show it, see :func:`coherent_cxr.images.dicom.read_dicom`. In other files
    colours become luminance (ITU-R 601), transparent pixels black, and an EXIF orientation is applied. More
    than 8 bits are scaled linearly so that the image's own darkest and brightest pixels become 0 and 255,
    because a PNG does not say how many of its 16 bits a detector used (12 bits in 16 are common).

    Args:
        source: Path of the file, or its bytes.
        name: What error messages call the image; the path by default.
        enough: Pixels of the longer side that are enough: a JPEG is decoded smaller as long as it keeps them.

    Returns:
        Grey levels (height, width), 0 to 255, upright, and notes.

    Raises:
        UnreadableImageError: If the file is missing, empty, of another format, truncated or damaged, smaller
            than 16 pixels on a side, or larger than 80 megapixels.
    """
    name = name or ("the image" if isinstance(source, bytes) else str(source))
    data = source if isinstance(source, bytes) else _read_bytes(Path(source))
    if not data:
        raise UnreadableImageError("empty_file", f"{name} is an empty file; copy it again from its source.")
    if is_dicom(data):
        return read_dicom(data, name)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            check_size(name, image.width, image.height)
            width, height = image.size
            if image.getexif().get(ExifTags.Base.Orientation) in SIDEWAYS:
                width, height = height, width
            if enough is not None:
                longer = max(image.size)
                image.draft(None, (-(-image.width * enough // longer), -(-image.height * enough // longer)))
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            return Radiograph(_grey(image), height, width)
    except UnreadableImageError:
        raise
    except UnidentifiedImageError:
        raise UnreadableImageError(
            "unknown_format", f"{name} is neither a PNG, a JPEG nor a DICOM image."
        ) from None
    except Image.DecompressionBombError:
        raise UnreadableImageError("image_too_large", too_large(name)) from None
    except Exception as error:
        # Damaged files make Pillow raise OSError, SyntaxError, ValueError, struct.error, zlib.error and more.
        truncated = "truncated" in str(error).lower()
        raise UnreadableImageError(
            "truncated_image" if truncated else "damaged_image",
            f"{name} cannot be decoded ({error}); copy it again from its source.",
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


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UnreadableImageError("missing_image", f"There is no image file {path}.") from None
    except OSError as error:
        raise UnreadableImageError("unreadable_file", f"{path} cannot be read: {error.strerror}.") from error


def _grey(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode in ("I;16", "I;16L", "I;16B", "I;16N", "I", "F"):
        return stretch(np.asarray(image))
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba)
    return np.asarray(image if image.mode == "L" else image.convert("L"))
