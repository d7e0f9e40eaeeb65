"""Grey levels of pictures and arrays in memory, by the same rule as for files."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from coherent_cxr.images.reading.grey import Radiograph, UnreadableImageError, check_contrast, sample, to_grey
from coherent_cxr.images.reading.limits import check_size

SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation to what stands the picture up; from 5 on height and width change places."""
SIDEWAYS = 5
CHANNELS = (3, 4)


def read_pixels(source: NDArray[Any] | Image.Image, name: str = "The image") -> Radiograph:
    """Make a radiograph of an array or a Pillow image, with the grey levels that its file would have.

    The scale of the numbers does not matter: 0 to 1, 0 to 255 and 0 to 65,535 give the same grey levels.

    Args:
        source: Grey levels (height, width) or (height, width, 1), or colours (height, width, 3 or 4), as
            integers, floats or booleans; or a picture of any mode.
        name: What error messages call the image.

    Returns:
        Grey levels (height, width), bright is dense.

    Raises:
        UnreadableImageError: If it has another shape or type, shows nothing, holds numbers that are not
            finite, or is too small or too large.
    """
    if isinstance(source, Image.Image):
        check_size(name, source.width, source.height, bytes_per_pixel(source))
        grey = grey_levels(stand_up(source), name)
        return Radiograph(grey, *grey.shape)
    array = np.asarray(source)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    colours = array.ndim == 3 and array.shape[2] in CHANNELS
    if array.dtype.kind not in "buif" or not (array.ndim == 2 or colours):
        raise UnreadableImageError(
            "unknown_format",
            f"{name} is an array of {array.dtype} {array.shape}; grey levels (height, width) are read, "
            "or colours (height, width, 3 or 4).",
        )
    check_size(name, array.shape[1], array.shape[0])
    if colours and array.dtype == np.uint8:
        return read_pixels(Image.fromarray(array), name)
    grey = array_levels(luminance(array) if colours else array, name)
    return Radiograph(grey, *grey.shape)


def array_levels(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """Map numbers of any type (height, width) to grey levels.

    Raises:
        UnreadableImageError: If it shows nothing or holds numbers that are not finite.
    """
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise UnreadableImageError("not_finite", f"{name} has pixels that are infinite or not a number.")
        check_contrast(name, sample(array), fewest=0)
    else:
        check_contrast(name, sample(array))
    return to_grey(array)


def luminance(colours: NDArray[Any]) -> NDArray[np.float32]:
    """Return the luminance (height, width) of colours (height, width, 3 or more) by ITU-R 601."""
    weights = np.array([0.299, 0.587, 0.114], dtype=np.float32)
    return np.asarray(colours[..., :3].astype(np.float32) @ weights)


def bytes_per_pixel(image: Image.Image) -> int:
    """Return what Pillow needs for a pixel once colours and transparency are resolved."""
    if image.mode in ("1", "L") and "transparency" not in image.info:
        return 1
    return 2 if image.mode.startswith("I;16") else 4


def turned(image: Image.Image) -> bool:
    """Tell whether a picture's EXIF orientation swaps height and width."""
    return _orientation(image) >= SIDEWAYS


def stand_up(image: Image.Image) -> Image.Image:
    """Apply a picture's EXIF orientation."""
    turn = TURNS.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def grey_levels(image: Image.Image, name: str) -> NDArray[np.uint8]:
    """Map a picture of any mode to grey levels (height, width).

    Raises:
        UnreadableImageError: If it shows nothing.
    """
    if image.mode in SIXTEEN_BITS:
        array = np.asarray(image)
        if array.dtype.kind == "i" and array.min() >= 0 and array.max() < 1 << 16:
            array = array.astype(np.uint16)
        return array_levels(array, name)
    seen = None
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        seen = sample(np.asarray(rgba.getchannel("A"))) > 0
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba)
    image = image if image.mode == "L" else image.convert("L")
    array = np.asarray(image)
    few = sample(array)
    if seen is not None and seen.any():
        few = few[seen]
    check_contrast(name, few)
    table = to_grey(np.arange(256, dtype=np.uint8).reshape(1, 256), looked_at=few)[0]
    if (table == np.arange(256)).all():
        return array
    # of all ways to look up bytes the fastest, of a detector's image as of a thumbnail
    return np.frombuffer(bytearray(array).translate(table), np.uint8).reshape(array.shape)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # damaged EXIF data do not make the picture unreadable
        return 1
