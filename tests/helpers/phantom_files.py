"""One phantom in many formats and depths."""

import io

import numpy as np
from PIL import Image
from pydicom.uid import (
    UID,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from coherent_cxr.images.phantom import draw_phantom
from coherent_cxr.images.reading.decode import read_radiograph
from helpers.dicom_files import dataset, written

PHANTOM = draw_phantom("grey levels", {"Cardiomegaly": 1, "Pleural Effusion": 1}, [], size=160)


LOSSLESS = (None, RLELossless, JPEGLSLossless, JPEG2000Lossless)


TWELVE = {"BitsStored": 12, "HighBit": 11}


def deep(bits: int) -> np.ndarray:
    """Return the phantom with so many bits."""
    levels = np.round(PHANTOM.astype(float) * (2**bits - 1) / 255)
    return levels.astype(np.uint8 if bits <= 8 else np.uint16)


def png(image: np.ndarray | Image.Image) -> bytes:
    data = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(data, format="PNG")
    return data.getvalue()


def plain(pixels: np.ndarray) -> bytes:
    return written(dataset(pixels))


def jpeg_2000(pixels: np.ndarray) -> bytes:
    return written(dataset(pixels), JPEG2000Lossless)


def codes(data: bytes) -> list[str]:
    return [note.code for note in read_radiograph(data).notes]


def apart(first: np.ndarray, second: np.ndarray) -> int:
    return int(np.abs(first.astype(int) - second).max())


def dicom(bits: int, compressed: UID | None = None, **tags: object) -> bytes:
    return written(dataset(deep(bits), BitsStored=bits, HighBit=bits - 1, **tags), compressed)
