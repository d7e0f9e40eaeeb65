"""Limits of memory and size per image, checked before it is read or decoded."""

from __future__ import annotations

import stat
from pathlib import Path

from coherent_cxr.images.reading.grey import UnreadableImageError
from coherent_cxr.inputs.limits import MAX_FILE_BYTES, MAX_PIXELS

MIN_SIDE = 16
MAX_DECODED_BYTES = 200_000_000
"""Bytes that a decoder may need for one picture; with all copies under way less than 1 GB of memory."""
MAX_SCANS = 64
"""Passes over a progressive JPEG: each may cost seconds and needs only a few bytes."""
HARM = "no radiograph does, so it was not decoded"


def check_bytes(name: str, count: int) -> None:
    """Refuse a file by its length.

    Raises:
        UnreadableImageError: If there are no bytes, or more than 200 MB.
    """
    if count == 0:
        raise UnreadableImageError("empty_file", f"{name} is an empty file; copy it again from its source.")
    if count > MAX_FILE_BYTES:
        raise UnreadableImageError(
            "file_too_large", f"{name} has more than {MAX_FILE_BYTES // 1_000_000} MB; {HARM}."
        )


def check_size(name: str, width: int, height: int, bytes_per_pixel: int = 1) -> None:
    """Refuse an image by its size, before it is decoded.

    Args:
        name: What the message calls the image.
        width: Width in pixels.
        height: Height in pixels.
        bytes_per_pixel: What the decoder needs for each.

    Raises:
        UnreadableImageError: If a side has fewer than 16 pixels, the image more than 80 megapixels, or its
            decoder would need more than 200 MB.
    """
    if min(width, height) < MIN_SIDE:
        raise UnreadableImageError(
            "image_too_small",
            f"{name} is {width} × {height} pixels; at least {MIN_SIDE} on each side are needed.",
        )
    if width * height > MAX_PIXELS or width * height * bytes_per_pixel > MAX_DECODED_BYTES:
        raise too_large(name)


def too_large(name: str) -> UnreadableImageError:
    """Return the refusal of an image that would need too much memory."""
    return UnreadableImageError(
        "image_too_large",
        f"{name} has more than {MAX_PIXELS:,} pixels or needs more than {MAX_DECODED_BYTES // 1_000_000} MB; "
        f"{HARM}.",
    )


def read_bounded(path: Path) -> bytes:
    """Read an image file that is not too long.

    Raises:
        UnreadableImageError: If it is missing, no regular file (a device may never end), cannot be read, is
            empty or too long.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableImageError("unreadable_file", f"{path} is not a file but a folder or a device.")
        check_bytes(str(path), status.st_size)
        with path.open("rb") as file:
            # no more than it has, as the place for it is taken at once; it may have grown meanwhile
            data = file.read(status.st_size + 1)
    except FileNotFoundError:
        raise UnreadableImageError("missing_image", f"There is no image file {path}.") from None
    except OSError as error:
        raise UnreadableImageError("unreadable_file", f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:  # a zero byte in the name
        if isinstance(error, UnreadableImageError):
            raise
        raise UnreadableImageError("missing_image", f"There is no image file {str(path)!r}.") from None
    check_bytes(str(path), len(data))
    return data
