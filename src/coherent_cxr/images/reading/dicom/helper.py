"""A process that reads DICOM files whose decoder cannot be bounded, one after another.

CharLS 2.4 computes for ten seconds over some damaged JPEG-LS streams of 5 kB, and a decoder of JPEG 2000 that
crashes would take a server with it. The process itself is :mod:`.helper_process`.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import IO, Any

import numpy as np

from coherent_cxr.images.reading.grey import Radiograph, UnreadableImageError
from coherent_cxr.images.reading.isolation import CRASHED
from coherent_cxr.images.reading.notes import Note

COMMAND = (sys.executable, "-m", "coherent_cxr.images.reading.dicom.helper_process")
_own = threading.local()


def read_in_helper(data: bytes, name: str) -> Radiograph:
    """Read a DICOM file in this thread's helper, which is started when it is first needed.

    Args:
        data: Bytes of the file.
        name: What messages call the image.

    Raises:
        UnreadableImageError: As :func:`~coherent_cxr.images.reading.dicom.reading.read_dicom`, or because the
            decoder crashed or found no end.
    """
    helper = getattr(_own, "helper", None)
    if helper is None:
        helper = _own.helper = HelperProcess(COMMAND)
    try:
        return radiograph_of(*helper.ask(data, name))
    except (OSError, EOFError) as error:
        _own.helper = None
        raise UnreadableImageError("decoder_crashed", f"{name} {CRASHED}") from error


def radiograph_of(answer: Mapping[str, Any], pixels: bytes) -> Radiograph:
    """Return what a helper has read.

    Raises:
        UnreadableImageError: If it could not.
    """
    if "reason" in answer:
        raise UnreadableImageError(answer["reason"], answer["message"])
    size = answer["height"], answer["width"]
    shape = answer.get("shape", size)
    notes = tuple(Note(*note) for note in answer["notes"])
    return Radiograph(np.frombuffer(pixels, np.uint8).reshape(shape), *size, notes)


class HelperProcess:
    """A process that answers one question after another, and ends with this object.

    Args:
        command: What starts it; it answers as :mod:`.helper_process` does.
    """

    def __init__(self, command: Sequence[str]) -> None:
        paths = os.pathsep.join(path for path in sys.path if path)
        environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )

    def ask(self, data: bytes, name: str) -> tuple[dict[str, Any], bytes]:
        """Send a file and wait for what became of it: what is told of it, and its pixels.

        Raises:
            OSError: If the process has died.
            EOFError: If it dies meanwhile.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        send(self.process.stdin, name.encode(errors="surrogatepass"), data)
        header, pixels = receive(self.process.stdout)
        return json.loads(header), pixels

    def __del__(self) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):  # what a dead process has not taken
                    stream.close()
        self.process.kill()
        self.process.wait()


def send(stream: IO[bytes], *parts: bytes) -> None:
    """Write two parts, each behind its length."""
    stream.write(struct.pack("<2Q", *map(len, parts)))
    for part in parts:
        stream.write(part)
    stream.flush()


def receive(stream: IO[bytes]) -> list[bytes]:
    """Read what :func:`send` wrote.

    Raises:
        EOFError: If the stream ends before.
    """
    lengths = struct.unpack("<2Q", _exactly(stream, 16))
    return [_exactly(stream, length) for length in lengths]


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError("The helper's stream ended.")
    return data
