"""Decoding of images from outside, in processes that may crash without harm to any request but their own."""

from __future__ import annotations

import asyncio
import queue
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from coherent_cxr.images.reading.dicom.helper import HelperProcess, radiograph_of
from coherent_cxr.images.reading.dicom.identifiers import Identifiers, ImageTags
from coherent_cxr.images.reading.grey import Radiograph, UnreadableImageError
from coherent_cxr.images.reading.isolation import CRASHED
from coherent_cxr.serving.rest.requests.uploads import Upload

PROCESS = "coherent_cxr.serving.rest.engine.decoder_process"
TRIES = 3


class DecodedUpload(NamedTuple):
    """An image that was read.

    Attributes:
        upload: As it arrived.
        radiograph: Its pixels (size, size), as the model reads them.
        tags: Of a DICOM image.
    """

    upload: Upload
    radiograph: Radiograph
    tags: ImageTags | None


class Decoders:
    """Processes that decode one image at a time each.

    A process that is killed from outside while it decodes is replaced and the image is decoded again; one
    that crashes or finds no end costs its image, and no other.

    Args:
        count: Processes.
        size: Side of the square that the model reads.
        seconds: Longest time for one image.
    """

    def __init__(self, count: int, size: int, seconds: float) -> None:
        self._command = (sys.executable, "-m", PROCESS, str(size))
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(count, "decoder")
        self._free: queue.SimpleQueue[HelperProcess] = queue.SimpleQueue()
        self._all: set[HelperProcess] = set()
        for _ in range(count):
            self._free.put(self._start())

    @property
    def process_ids(self) -> list[int]:
        """Of all processes that decode."""
        return [helper.process.pid for helper in self._all]

    async def read(self, upload: Upload) -> DecodedUpload:
        """Decode one image.

        Raises:
            UnreadableImageError: If it cannot be decoded; the message says why.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, upload)

    def close(self) -> None:
        """End all processes."""
        self._threads.shutdown(cancel_futures=True)
        self._all.clear()
        while not self._free.empty():
            self._free.get()

    def _start(self) -> HelperProcess:
        helper = HelperProcess(self._command)
        self._all.add(helper)
        return helper

    def _read(self, upload: Upload) -> DecodedUpload:
        for _ in range(TRIES):
            helper = self._free.get()
            late = threading.Event()
            timer = threading.Timer(self._seconds, _end, (helper, late))
            timer.start()
            try:
                told, pixels = helper.ask(upload.data, upload.name)
                radiograph = radiograph_of(told, pixels)
            except (OSError, EOFError):
                code = helper.process.wait()
                self._all.discard(helper)
                helper = self._start()
                if code == -signal.SIGKILL and not late.is_set():
                    continue
                break
            finally:
                timer.cancel()
                self._free.put(helper)
            return DecodedUpload(upload, radiograph, _tags(told))
        raise UnreadableImageError("decoder_crashed", f"{upload.name} {CRASHED}")


def _end(helper: HelperProcess, late: threading.Event) -> None:
    late.set()
    helper.process.kill()


def _tags(told: dict[str, Any]) -> ImageTags | None:
    if told.get("tags") is None:
        return None
    view, identifiers = told["tags"]
    return ImageTags(view, Identifiers(*identifiers))
