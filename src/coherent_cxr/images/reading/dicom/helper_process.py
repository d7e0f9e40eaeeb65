"""The process behind :mod:`.helper`: reads DICOM files from its standard input and answers on its output."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from coherent_cxr.images.reading.dicom.helper import receive, send
from coherent_cxr.images.reading.dicom.reading import read_dicom
from coherent_cxr.images.reading.grey import UnreadableImageError
from coherent_cxr.images.reading.isolation import limit_process


def read(name: str, data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return what is told of a DICOM image, and its pixels."""
    try:
        radiograph = read_dicom(data, name)
    except UnreadableImageError as error:
        return {"reason": error.reason, "message": str(error)}, b""
    size = {"height": radiograph.height, "width": radiograph.width}
    return {**size, "notes": radiograph.notes}, radiograph.pixels.tobytes()


def answer_all(answer: Callable[[str, bytes], tuple[dict[str, Any], bytes]]) -> None:
    """Answer until the other side ends.

    Args:
        answer: Takes what messages call the file, and its bytes; returns what goes back.
    """
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that a library prints may come between
    limit_process()
    while True:
        try:
            name, data = receive(sys.stdin.buffer)
        except EOFError:
            return
        header, pixels = answer(name.decode(errors="surrogatepass"), data)
        send(answers, json.dumps(header).encode(), pixels)


if __name__ == "__main__":
    answer_all(read)
