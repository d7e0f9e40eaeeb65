"""The process behind :mod:`.decoding`: reads images from standard input, answers on standard output."""

from __future__ import annotations

import sys
from typing import Any

from coherent_cxr.images.reading.decode import read_square
from coherent_cxr.images.reading.dicom import is_dicom
from coherent_cxr.images.reading.dicom.helper_process import answer_all
from coherent_cxr.images.reading.dicom.opening import open_dicom
from coherent_cxr.images.reading.grey import UnreadableImageError
from coherent_cxr.images.reading.limits import too_large

UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")


def read(name: str, data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return what is told of an image, and its pixels (size, size)."""
    try:
        image = read_square(data, int(sys.argv[1]), name)
        told = {"height": image.height, "width": image.width, "notes": image.notes}
        dicom = _identifiers(data, name) if is_dicom(data) else None
    except UnreadableImageError as error:
        return {"reason": error.reason, "message": str(error)}, b""
    except MemoryError:
        refused = too_large(name)
        return {"reason": refused.reason, "message": str(refused)}, b""
    return {**told, "shape": image.pixels.shape, "dicom": dicom}, image.pixels.tobytes()


def _identifiers(data: bytes, name: str) -> list[str] | None:
    dataset = open_dicom(data, name, list(UIDS))
    found = [str(dataset.get(keyword) or "") for keyword in UIDS]
    return found if all(0 < len(uid) <= 64 for uid in found) else None


if __name__ == "__main__":
    answer_all(read)
