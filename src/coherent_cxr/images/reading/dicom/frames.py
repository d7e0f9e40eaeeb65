"""The first whole frame of a DICOM file, decoded within bounds."""

from __future__ import annotations

import math
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, get_frame, parse_fragments
from pydicom.pixels.utils import pixel_array
from pydicom.uid import RLELossless

from coherent_cxr.images.reading.dicom import jpeg_plugin
from coherent_cxr.images.reading.dicom.codestream import size_in_header
from coherent_cxr.images.reading.dicom.tags import PIXELS, value_of, whole
from coherent_cxr.images.reading.grey import UnreadableImageError
from coherent_cxr.images.reading.isolation import time_limit
from coherent_cxr.images.reading.limits import HARM, MAX_DECODED_BYTES, too_large
from coherent_cxr.images.reading.notes import Note
from coherent_cxr.inputs.limits import MAX_PIXELS

MAX_TILES = 4096
"""Tiles of a JPEG 2000 image; its decoder keeps kilobytes for each, whether there is data for it or not."""
BYTES_OF_JPEG_2000 = 4
"""What its decoder keeps for each sample."""
RUN = 64
"""How many times longer run-length decoding can make a frame."""


def first_frame(dataset: Dataset, name: str) -> tuple[NDArray[Any], list[Note]]:
    """Decode the first whole frame.

    Args:
        dataset: Tags, with pixels, as :func:`coherent_cxr.images.reading.dicom.tags.complete` leaves them.
        name: What messages call the image.

    Returns:
        Stored numbers (rows, columns), or colours (rows, columns, samples), and notes on other frames.

    Raises:
        UnreadableImageError: If there is no whole frame, no decoder can read it, or it is a bomb.
    """
    jpeg_plugin.install()
    declared = max(1, whole(dataset, "NumberOfFrames") or 1)
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        if syntax.is_encapsulated:
            frame, found = _first_encapsulated(dataset, name, declared)
            if syntax == RLELossless:
                decoded = _run_lengths(dataset, frame, name)
            else:
                _check_codestream(dataset, frame, name)
                decoded = _decode(dataset)
        else:
            found = _cut_native(dataset, declared)
            decoded = _decode(dataset)
    except UnreadableImageError:
        raise
    except MemoryError:
        raise too_large(name) from None
    except Exception as error:
        short = any(
            words in str(error).lower() for words in ("less than expected", "truncated", "insufficient")
        )
        called = syntax.name if syntax.is_transfer_syntax else "unknown transfer syntax"
        raise UnreadableImageError(
            "truncated_image" if short else "damaged_image",
            f"{name} ({called}) cannot be decoded: {' '.join(str(error).split())[:200].rstrip('.')}.",
        ) from error
    return decoded, _frame_notes(declared, found)


def _decode(dataset: Dataset) -> NDArray[Any]:
    # What lies beyond Bits Stored is masked later, where it costs no pass over the pixels.
    with time_limit(dataset.Rows * dataset.Columns):
        frame: NDArray[Any] = pixel_array(dataset, index=0, correct_unused_bits=False, view_only=True)
    return frame


def _frame_notes(declared: int, found: int) -> list[Note]:
    if found < declared:
        detail = f"It says that it has {declared} frames but holds {found}; the first was taken."
        return [Note("frames_missing", detail)]
    return [Note("multi_frame", f"The first of {declared} frames was taken.")] if declared > 1 else []


def _cut_native(dataset: Dataset, declared: int) -> int:
    """Leave the first frame alone in uncompressed pixels; return how many whole frames there were."""
    keyword = next(keyword for keyword in PIXELS if keyword in dataset)
    pixels = dataset[keyword]
    bits = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel * dataset.BitsAllocated
    if dataset.PhotometricInterpretation == "YBR_FULL_422":
        bits = bits * 2 // 3
    length = math.ceil(bits / 8)
    found = len(pixels.value) // length
    if declared > 1 and found >= 1:
        pixels.value = pixels.value[: length + length % 2]
    dataset.NumberOfFrames = 1
    return min(found, declared) or declared


def _first_encapsulated(dataset: Dataset, name: str, declared: int) -> tuple[bytes, int]:
    """Leave the first frame alone in compressed pixels; return it and how many there were."""
    pixels = dataset.PixelData
    offsets = value_of(dataset, "ExtendedOffsetTable")
    lengths = value_of(dataset, "ExtendedOffsetTableLengths")
    extended = (offsets, lengths) if isinstance(offsets, bytes) and isinstance(lengths, bytes) else None
    found = declared
    try:
        frame = get_frame(pixels, 0, number_of_frames=declared, extended_offsets=extended)
    except (ValueError, IndexError):
        if declared == 1 and extended is None:
            raise
        frame = get_frame(pixels, 0, number_of_frames=1)
    if declared > 1:
        fragments, _ = parse_fragments(_without_offsets(pixels))
        found = min(declared, fragments)
        if size_in_header(frame) is None and dataset.file_meta.TransferSyntaxUID != RLELossless:
            raise UnreadableImageError("damaged_image", f"{name} has a first frame that is no image.")
    if declared > 1 or extended is not None:
        for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
            if keyword in dataset:
                del dataset[keyword]
        dataset.PixelData = encapsulate([frame])
    dataset.NumberOfFrames = 1
    return frame, found


def _without_offsets(pixels: bytes) -> bytes:
    """Return what follows the first item of encapsulated pixels, the table of offsets."""
    return pixels[8 + int.from_bytes(pixels[4:8], "little") :]


def _check_codestream(dataset: Dataset, frame: bytes, name: str) -> None:
    """Refuse compressed data whose own header gives a larger image than the tags: a bomb, or damage."""
    size = size_in_header(frame)
    if size is None:
        return
    needed = size.width * size.height * size.samples * BYTES_OF_JPEG_2000
    pixels = size.width * size.height
    harmful = pixels > MAX_PIXELS or needed > 2 * MAX_DECODED_BYTES or size.tiles > MAX_TILES
    if harmful or pixels > dataset.Rows * dataset.Columns:
        raise UnreadableImageError(
            "image_too_large" if harmful else "damaged_image",
            f"{name} is {dataset.Columns} × {dataset.Rows} by its tags, "
            f"but its compressed data say {size.width} × {size.height} in {size.tiles} tile(s); {HARM}.",
        )


def _run_lengths(dataset: Dataset, frame: bytes, name: str) -> NDArray[Any]:
    """Decode run lengths into no more room than the image needs; pydicom makes as much as they ask for."""
    if dataset.SamplesPerPixel == 1 and dataset.BitsAllocated in (8, 16):
        kind = np.dtype(f"{'iu'[dataset.PixelRepresentation == 0]}{dataset.BitsAllocated // 8}")
        room = bytearray(dataset.Rows * dataset.Columns * kind.itemsize)
        try:
            imagecodecs.dicomrle_decode(frame, kind.newbyteorder("<"), out=room)
            return np.frombuffer(room, kind.newbyteorder("<")).reshape(dataset.Rows, dataset.Columns)
        except (RuntimeError, ValueError):
            pass  # segments that are padded with more than they should be: pydicom takes them
    if len(frame) * RUN > MAX_DECODED_BYTES:
        raise UnreadableImageError(
            "damaged_image", f"{name} (RLE Lossless) has run lengths that do not give {dataset.Rows} rows."
        )
    return _decode(dataset)
