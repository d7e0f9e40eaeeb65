"""The process behind :mod:`.helper`: reads DICOM files from its standard input and answers on its output."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from coherent_cxr.images.reading.dicom.helper import receive, send
from coherent_cxr.images.reading.dicom.reading import read_dicom
from coherent_cxr.images.reading.grey import UnreadableImageError
from coherent_cxr.images.reading.isolation import limit_process


def _answer(name: str, data: bytes) -> tuple[dict[str, Any], bytes]:
    try:
        read = read_dicom(data, name)
    except UnreadableImageError as error:
        return {"reason": error.reason, "message": str(error)}, b""
    return {"height": read.height, "width": read.width, "notes": read.notes}, read.pixels.tobytes()


def main() -> None:
    """Answer until the other side ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that a library prints may come between
    limit_process()
    while True:
        try:
            name, data = receive(sys.stdin.buffer)
        except EOFError:
            return
        header, pixels = _answer(name.decode(errors="surrogatepass"), data)
        send(answers, json.dumps(header).encode(), pixels)


if __name__ == "__main__":
    main()
