"""The process behind :mod:`.decoding`: reads images from standard input, answers on standard output."""

from __future__ import annotations

import sys
from typing import Any

from coherent_cxr.images.reading.decode import read_square
from coherent_cxr.images.reading.dicom import is_dicom
from coherent_cxr.images.reading.dicom.helper_process import answer_all
from coherent_cxr.images.reading.dicom.identifiers import image_tags
from coherent_cxr.images.reading.grey import UnreadableImageError
from coherent_cxr.images.reading.limits import too_large


def read(name: str, data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return what is told of an image, and its pixels (size, size)."""
    try:
        image = read_square(data, int(sys.argv[1]), name)
        told = {"height": image.height, "width": image.width, "notes": image.notes}
        tags = image_tags(data, name) if is_dicom(data) else None
    except UnreadableImageError as error:
        return {"reason": error.reason, "message": str(error)}, b""
    except MemoryError:
        refused = too_large(name)
        return {"reason": refused.reason, "message": str(refused)}, b""
    return {**told, "shape": image.pixels.shape, "tags": tags}, image.pixels.tobytes()


if __name__ == "__main__":
    answer_all(read)
