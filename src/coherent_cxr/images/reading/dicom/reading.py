"""Reading DICOM radiographs; identifying tags are reported, never copied on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes

from coherent_cxr.images.reading.dicom import levels
from coherent_cxr.images.reading.dicom.frames import first_frame
from coherent_cxr.images.reading.dicom.helper import read_in_helper
from coherent_cxr.images.reading.dicom.opening import open_dicom
from coherent_cxr.images.reading.dicom.remarks import describe
from coherent_cxr.images.reading.dicom.tags import check_header, complete, syntax_of
from coherent_cxr.images.reading.grey import Radiograph, UnreadableImageError
from coherent_cxr.images.reading.isolation import is_limited
from coherent_cxr.images.reading.limits import too_large
from coherent_cxr.images.reading.notes import Note
from coherent_cxr.images.reading.pictures import array_levels, grey_levels, luminance

UNBOUNDED = frozenset(map(str, (*JPEGLSTransferSyntaxes, *JPEG2000TransferSyntaxes)))
"""Transfer syntaxes whose decoders may crash or find no end."""


def read_dicom(data: bytes, name: str) -> Radiograph:
    """Decode one DICOM image into grey levels, bright is always dense.

    Of several frames the first whole one is taken. Colours become luminance (ITU-R 601); for one sample a
    pixel see :func:`coherent_cxr.images.reading.dicom.levels.show`.

    Args:
        data: Bytes of the file.
        name: What messages call the image.

    Returns:
        The radiograph. Its notes say what the tags say about view, part of the body and technique, which
        identifying tags are filled (never with what), which frame was taken, and what had to be assumed.

    Raises:
        UnreadableImageError: If tags are missing or make no sense, pixel data are absent, cut off, damaged,
            too large or compressed in a way that no installed decoder reads, or the image shows nothing.
    """
    dataset = open_dicom(data, name)
    if not is_limited() and syntax_of(dataset) in UNBOUNDED:
        return read_in_helper(data, name)
    try:
        check_header(dataset, data, name)
        notes = [*describe(dataset), *complete(dataset)]
        frame, more = first_frame(dataset, name)
        pixels, of_levels = _grey(frame, dataset, name)
    except UnreadableImageError:
        raise
    except MemoryError:
        raise too_large(name) from None
    except Exception as error:
        # Tags of a wrong type make pydicom raise nearly anything; its messages may quote values of tags.
        raise UnreadableImageError(
            "damaged_image", f"{name} has DICOM tags that make no sense ({type(error).__name__})."
        ) from error
    height, width = pixels.shape
    return Radiograph(pixels, height, width, (*notes, *more, *of_levels))


def _grey(frame: NDArray[Any], dataset: Dataset, name: str) -> tuple[NDArray[np.uint8], list[Note]]:
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        frame = _with_palette(frame, dataset, name)
    if frame.ndim == 2:
        return levels.show(frame, dataset, name)
    if frame.dtype == np.uint8:
        return grey_levels(Image.fromarray(frame[..., :3]), name), []
    bright = luminance(frame)
    if frame.dtype == np.uint16:
        bright = np.round(bright).astype(np.uint16)
    return array_levels(bright, name), []


def _with_palette(frame: NDArray[Any], dataset: Dataset, name: str) -> NDArray[Any]:
    from pydicom.pixels.processing import apply_color_lut

    if any(keyword.startswith("Segmented") for keyword in dataset.dir("PaletteColorLookupTableData")):
        # A segmented palette of a few kilobytes can ask for gigabytes.
        raise UnreadableImageError("segmented_palette", f"{name} has a segmented palette; no radiograph has.")
    return apply_color_lut(frame, dataset)
