"""Reading radiographs: a PNG or JPEG of any colour mode becomes one grey 8-bit array, or a stated refusal."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("PNG", "JPEG")
MIN_SIDE = 16
MAX_PIXELS = 80_000_000


class UnreadableImageError(ValueError):
    """An image that cannot become a radiograph.

    Attributes:
        reason: Short code for an exclusions table, for example ``"truncated_image"``.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def read_image(source: str | Path | bytes, name: str | None = None) -> NDArray[np.uint8]:
    """Decode one PNG or JPEG into grey levels.

    Colours become luminance (ITU-R 601), transparent pixels black, and an EXIF orientation is applied. Images
    of more than 8 bits are scaled linearly so that their own darkest and brightest pixels become 0 and 255,
    because the file does not say how many of its 16 bits a detector used (12 bits in 16 are common).

    Args:
        source: Path of the file, or its bytes.
        name: What error messages call the image; the path by default.

    Returns:
        Grey levels (height, width), 0 to 255, upright.

    Raises:
        UnreadableImageError: If the file is missing, empty, of another format, truncated or damaged, smaller
            than 16 pixels on a side, or larger than 80 megapixels.
    """
    name = name or ("the image" if isinstance(source, bytes) else str(source))
    data = source if isinstance(source, bytes) else _read_bytes(Path(source))
    if not data:
        raise UnreadableImageError("empty_file", f"{name} is an empty file; copy it again from its source.")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_size(name, image.width, image.height)
            image.load()
            return _grey(ImageOps.exif_transpose(image))
    except UnreadableImageError:
        raise
    except UnidentifiedImageError:
        raise UnreadableImageError("unknown_format", f"{name} is neither a PNG nor a JPEG image.") from None
    except Image.DecompressionBombError:
        raise UnreadableImageError("image_too_large", _too_large(name)) from None
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
        scaled = Image.fromarray(image).resize((new_width, new_height), Image.Resampling.BILINEAR)
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


def _check_size(name: str, width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE:
        raise UnreadableImageError(
            "image_too_small",
            f"{name} is {width} × {height} pixels; at least {MIN_SIDE} on each side are needed.",
        )
    if width * height > MAX_PIXELS:
        raise UnreadableImageError("image_too_large", _too_large(name))


def _too_large(name: str) -> str:
    return f"{name} has more than {MAX_PIXELS:,} pixels; no radiograph does, so it was not decoded."


def _grey(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode in ("I;16", "I;16L", "I;16B", "I;16N", "I", "F"):
        return _stretch(np.asarray(image).astype(np.float32))
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba)
    return np.array(image.convert("L"), dtype=np.uint8)


def _stretch(levels: NDArray[np.float32]) -> NDArray[np.uint8]:
    darkest, brightest = float(levels.min()), float(levels.max())
    if brightest == darkest:
        return np.zeros(levels.shape, dtype=np.uint8)
    return np.round((levels - darkest) * (255.0 / (brightest - darkest))).astype(np.uint8)
