"""Decoding images into a pixel file on all cores, in threads or, for DICOM, in processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from coherent_cxr.images.reading.decode import UnreadableImageError, read_square
from coherent_cxr.images.reading.isolation import CRASHED, limit_process
from coherent_cxr.images.reading.limits import check_bytes, too_large
from coherent_cxr.images.reading.notes import Note
from coherent_cxr.images.source import Place
from coherent_cxr.runtime.memory import IMAGE, keep_freed_memory

BATCH, BATCH_BYTES = 64, 1 << 24
Task = tuple[str, int, bytes | Place]
"""Image identifier, row in the pixel file, the image file or where it lies."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What became of one image.

    Attributes:
        image_id: Its identifier.
        height: Height of the original in pixels; 0 if unreadable.
        width: Width of the original in pixels; 0 if unreadable.
        reason: Code of why it is unreadable, empty if it is not.
        detail: The same as a sentence.
        notes: What is odd about a file that was read.
    """

    image_id: str
    height: int = 0
    width: int = 0
    reason: str = ""
    detail: str = ""
    notes: tuple[Note, ...] = ()

    @classmethod
    def from_dict(cls, entry: dict[str, Any]) -> Decoded:
        """Read an entry as ``dataclasses.asdict`` and JSON wrote it."""
        return cls(**{**entry, "notes": tuple(Note(*note) for note in entry["notes"])})


def decode_all(
    tasks: Iterable[Task], pixels: Path, workers: int, *, in_processes: bool
) -> Iterator[list[Decoded]]:
    """Decode images into their rows of a pixel file, a few batches ahead of the caller.

    Args:
        tasks: What to decode; taken as it is needed.
        pixels: A .npy file of shape (images, size, size), uint8.
        workers: Threads or processes.
        in_processes: Pillow lets go of the interpreter lock while it decodes, DICOM's decoders do not; and a
            decoder that crashes on a damaged file takes its process with it, which costs only that image.

    Yields:
        Batches in the order of the tasks.
    """
    _map.cache_clear()  # a file of the same path may have been mapped before
    pool = _pool(workers, in_processes)
    under_way: deque[tuple[list[Task], Future[list[Decoded]]]] = deque()
    try:
        for batch in _batches(tasks):
            under_way.append((batch, _submit(pool, batch, pixels)))
            if len(under_way) > 2 * workers:
                finished, pool = _finish(*under_way.popleft(), pixels, pool, workers)
                yield finished
        while under_way:
            finished, pool = _finish(*under_way.popleft(), pixels, pool, workers)
            yield finished
    finally:
        pool.shutdown(cancel_futures=True)
        _map.cache_clear()


def _pool(workers: int, in_processes: bool) -> Executor:
    if not in_processes:
        keep_freed_memory(IMAGE)
        return ThreadPoolExecutor(workers)
    # A fresh process per worker: forking one that has started threads may hang.
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin)


def _begin() -> None:
    limit_process()
    keep_freed_memory(IMAGE)


def _submit(pool: Executor, batch: list[Task], pixels: Path) -> Future[list[Decoded]]:
    try:
        return pool.submit(decode_batch, batch, pixels)
    except BrokenProcessPool as error:
        broken: Future[list[Decoded]] = Future()
        broken.set_exception(error)
        return broken


def _finish(
    batch: list[Task], future: Future[list[Decoded]], pixels: Path, pool: Executor, workers: int
) -> tuple[list[Decoded], Executor]:
    try:
        return future.result(), pool
    except BrokenProcessPool:
        pool.shutdown()
        return _decode_one_by_one(batch, pixels), _pool(workers, in_processes=True)


def _decode_one_by_one(batch: list[Task], pixels: Path) -> list[Decoded]:
    decoded: list[Decoded] = []
    alone = _pool(1, in_processes=True)
    for task in batch:
        try:
            decoded += alone.submit(decode_batch, [task], pixels).result()
        except BrokenProcessPool:
            detail = f"The image {task[0]} {CRASHED}"
            decoded.append(Decoded(task[0], reason="decoder_crashed", detail=detail))
            alone = _pool(1, in_processes=True)
    alone.shutdown()
    return decoded


def decode_batch(batch: list[Task], pixels: Path) -> list[Decoded]:
    """Decode images into their rows; the pixel file is mapped, so every process sees them."""
    return [_decode(*task, _map(pixels)) for task in batch]


@lru_cache(maxsize=1)
def _map(pixels: Path) -> np.memmap[Any, np.dtype[np.uint8]]:
    mapped: np.memmap[Any, np.dtype[np.uint8]] = np.load(pixels, mmap_mode="r+")
    return mapped


def _decode(
    image_id: str, row: int, content: bytes | Place, pixels: np.memmap[Any, np.dtype[np.uint8]]
) -> Decoded:
    name = f"The image {image_id}"
    try:
        if isinstance(content, Place):
            check_bytes(name, content.length)
        data = content if isinstance(content, bytes) else content.read()
        image = read_square(data, pixels.shape[1], name)
    except UnreadableImageError as error:
        return Decoded(image_id, reason=error.reason, detail=str(error))
    except OSError as error:
        detail = f"{name} cannot be read: {error.strerror or type(error).__name__}."
        return Decoded(image_id, reason="unreadable_file", detail=detail)
    except MemoryError:
        refusal = too_large(name)
        return Decoded(image_id, reason=refusal.reason, detail=str(refusal))
    pixels[row] = image.pixels
    return Decoded(image_id, image.height, image.width, notes=image.notes)


def _batches(tasks: Iterable[Task]) -> Iterator[list[Task]]:
    batch: list[Task] = []
    size = 0
    for task in tasks:
        batch.append(task)
        size += len(task[2]) if isinstance(task[2], bytes) else task[2].length
        if len(batch) == BATCH or size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
