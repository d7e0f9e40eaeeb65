"""Opens a DICOM file within a memory limit."""

from __future__ import annotations

import io
import logging
import zlib

import pydicom
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset, read_preamble
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from coherent_cxr.images.reading.dicom import PREAMBLE
from coherent_cxr.images.reading.dicom.tags import PIXELS
from coherent_cxr.images.reading.grey import UnreadableImageError
from coherent_cxr.images.reading.limits import HARM
from coherent_cxr.inputs.limits import MAX_FILE_BYTES

MAX_READS = 100_000
"""Steps that reading a header may take: each tag and each item of a sequence is one or more."""
MAX_TAG_BYTES = 1 << 20
"""Length of a tag that is looked at; longer ones, but for pixels, are left out."""
PIECE = 1 << 20
logging.getLogger("pydicom").setLevel(
    logging.CRITICAL
)  # one of its warnings for every file, by the guess below
_PLAIN_UID = str(ExplicitVRLittleEndian).encode() + b"\0"
_PLAIN_META = b"\x02\x00\x10\x00UI" + len(_PLAIN_UID).to_bytes(2, "little") + _PLAIN_UID


class _Bounded(io.BytesIO):
    """Bytes that refuse to be read in too many steps, as millions of tiny tags would be."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.steps, self.called = 0, name

    def read(self, size: int | None = -1, /) -> bytes:
        self.steps += 1
        if self.steps > MAX_READS:
            raise UnreadableImageError(
                "too_many_tags", f"{self.called} has more than {MAX_READS:,} DICOM tags or items; {HARM}."
            )
        return super().read(size)


def open_dicom(data: bytes, name: str, tags: list[str] | None = None, before_pixels: bool = False) -> Dataset:
    """Read a DICOM file's tags, within bounds.

    Args:
        data: Bytes of the file.
        name: What messages call the image.
        tags: Keywords of the tags to read; all by default.
        before_pixels: Whether to stop where pixels begin; the data may then end there.

    Returns:
        The tags; those of more than 1 MB are left out, but for pixels.

    Raises:
        UnreadableImageError: If the file is damaged, or inflates to more than a radiograph can be.
    """
    # Its warnings about odd values would quote them, and they may identify a patient.
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    try:
        data = _inflated(data, name)
        dataset: Dataset = pydicom.dcmread(
            _Bounded(data, name), force=True, specific_tags=tags, stop_before_pixels=before_pixels
        )
        for tag in list(dataset.keys()):
            value = getattr(dataset.get_item(tag), "value", None)
            keyword = pydicom.datadict.keyword_for_tag(tag)
            if isinstance(value, bytes) and len(value) > MAX_TAG_BYTES and keyword not in PIXELS:
                del dataset[tag]
    except UnreadableImageError:
        raise
    except Exception as error:
        raise UnreadableImageError(
            "damaged_image", f"{name} is a damaged DICOM file ({type(error).__name__}); copy it again."
        ) from error
    return dataset


def _inflated(data: bytes, name: str) -> bytes:
    """Return a deflated file as a plain one; pydicom would inflate it whatever comes out."""
    start = _start_of_deflated(data, name)
    if start is None:
        return data
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    pieces, size, tail = [], 0, data[start:]
    while tail and not inflate.eof:
        pieces.append(inflate.decompress(tail, PIECE))
        size, tail = size + len(pieces[-1]), inflate.unconsumed_tail
        if size > MAX_FILE_BYTES:
            raise UnreadableImageError(
                "image_too_large", f"{name} inflates to more than {MAX_FILE_BYTES // 1_000_000} MB; {HARM}."
            )
    if not inflate.eof:
        raise UnreadableImageError("truncated_image", f"{name} is a deflated DICOM file that was cut off.")
    return bytes(PREAMBLE) + b"DICM" + _PLAIN_META + b"".join(pieces)


def _start_of_deflated(data: bytes, name: str) -> int | None:
    """Return where the deflated part of a file begins, or None, as pydicom's own reader finds it."""
    for implicit in (False, True):  # it tries both
        head = _Bounded(data, name)
        read_preamble(head, force=True)
        try:
            meta = read_dataset(head, implicit, True, stop_when=lambda tag, vr, length: tag >> 16 != 2)
            syntax = UID(str(meta.get("TransferSyntaxUID", "")))
        except UnreadableImageError:
            raise
        except Exception:  # what cannot be read this way is left to the reader of the whole file
            continue
        if syntax == DeflatedExplicitVRLittleEndian:
            return head.tell()
    return None
