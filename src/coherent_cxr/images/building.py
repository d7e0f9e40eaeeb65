"""Writing an image store: decoded in parallel, whole or not at all, and continued after an interruption."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from coherent_cxr.images.reading.decoding_workers import Decoded, decode_all
from coherent_cxr.images.recognition.similarity import find_variants
from coherent_cxr.images.source import ImageSource, Place
from coherent_cxr.images.store import (
    FORMAT,
    INDEX,
    PIXELS,
    RECORD,
    ImageStore,
    ImageStoreError,
    content_digest,
)
from coherent_cxr.runtime.cores import usable_cores
from coherent_cxr.runtime.progress_line import ProgressLine
from coherent_cxr.storage.exclusive import sole_holder

LOG = "decoded.jsonl"
Pixels = np.memmap[Any, np.dtype[np.uint8]]


def build_store(
    requested: pd.DataFrame,
    source: ImageSource,
    size: int,
    work_dir: Path,
    workers: int | None = None,
    *,
    drop_variants: bool = False,
) -> tuple[ImageStore, list[Decoded]]:
    """Decode images into a store.

    The store is kept in ``work_dir`` under a name made from its content (which images, their lengths and
    times of change, the size): asking for the same store again opens it, and a run that was killed continues
    where it was. Memory stays flat: only the images under way are held.

    Args:
        requested: One row per image: image_id, study_id, view; all of them in the source.
        source: Where the files are.
        size: Side of the stored images in pixels.
        work_dir: Where stores are made and kept.
        workers: Decoding threads or processes; all cores by default.
        drop_variants: Leave out images that repeat another of their study with other brightness or contrast.

    Returns:
        The store, and the images that are unreadable (they have a ``reason``) or have notes.

    Raises:
        ImageStoreError: If not a single image can be read.
        OSError: If the disk is full or cannot be written; running again continues.
    """
    key = _content_key(requested, source, f"{size}\tdistinct" if drop_variants else str(size))
    folder = work_dir / key[:20]
    folder.mkdir(parents=True, exist_ok=True)
    with sole_holder(folder / "lock", "the image store"):
        if not (folder / RECORD).is_file():
            _write(folder, requested, source, size, workers, drop_variants)
        # One by one, as there may be hundreds of thousands; a variant's reason stands behind its first entry.
        remarkable = {one.image_id: one for one in _entries(folder / LOG) if one.reason or one.notes}
        return ImageStore.open(folder), list(remarkable.values())


def _content_key(requested: pd.DataFrame, source: ImageSource, settings: str) -> str:
    digest = hashlib.sha256(f"{FORMAT}\t{settings}\n".encode())
    for image_id, study_id, view in requested[["image_id", "study_id", "view"]].itertuples(index=False):
        file = source.files[image_id]
        digest.update(f"{image_id}\t{study_id}\t{view}\t{file.length}\t{file.modified}\n".encode())
    return digest.hexdigest()


def _write(
    folder: Path,
    requested: pd.DataFrame,
    source: ImageSource,
    size: int,
    workers: int | None,
    drop_variants: bool,
) -> None:
    image_ids = requested["image_id"].tolist()
    done = _read_log(folder / LOG)
    if len(done) < len(image_ids):
        _open_pixels(folder, len(image_ids), size)
        done = _decode_missing(folder, image_ids, source, workers or usable_cores())
    if drop_variants and len(np.load(folder / PIXELS, mmap_mode="r")) == len(image_ids):
        _drop_variants(folder, requested, done)
    good = [row for row, image_id in enumerate(image_ids) if not done[image_id].reason]
    if not good:
        raise ImageStoreError(
            f"Not one of {len(image_ids)} images in {source.root} can be read; the first: "
            f"{next(iter(done.values())).detail if done else 'there are none to read'}"
        )
    kept = _close_gaps(folder / PIXELS, good)
    _truncate(folder / PIXELS, len(kept), size)
    index = requested.iloc[kept].reset_index(drop=True)[["image_id", "study_id", "view"]]
    index.insert(0, "row", np.arange(len(index)))
    index["height"] = [done[image_id].height for image_id in index["image_id"]]
    index["width"] = [done[image_id].width for image_id in index["image_id"]]
    index.to_parquet(folder / INDEX, index=False)
    digest = content_digest(folder / PIXELS, index)
    record = {"format": FORMAT, "size": size, "count": len(index), "digest": digest}
    writing = folder / f"{RECORD}.writing"
    writing.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    writing.replace(folder / RECORD)


def _decode_missing(
    folder: Path, image_ids: list[str], source: ImageSource, workers: int
) -> dict[str, Decoded]:
    done = _read_log(folder / LOG)
    row_of = {image_id: row for row, image_id in enumerate(image_ids)}
    missing = [image_id for image_id in image_ids if image_id not in done]
    tasks = ((image_id, row_of[image_id], content) for image_id, content in _contents(missing, source))
    with_dicom = any(source.is_dicom(image_id) for image_id in missing)
    bar = ProgressLine(len(image_ids), "decoding", "images", done=len(done))
    with bar, (folder / LOG).open("a", encoding="utf-8") as log:
        for finished in decode_all(tasks, folder / PIXELS, workers, in_processes=with_dicom):
            log.writelines(json.dumps(asdict(decoded)) + "\n" for decoded in finished)
            log.flush()
            done.update((decoded.image_id, decoded) for decoded in finished)
            bar.update(len(finished))
    return done


def _drop_variants(folder: Path, requested: pd.DataFrame, done: dict[str, Decoded]) -> None:
    """Give every image that repeats another a reason, in the log before anything is moved."""
    readable = requested.assign(row=np.arange(len(requested)))
    readable = readable[[not done[image_id].reason for image_id in readable["image_id"]]]
    repeats = find_variants(np.load(folder / PIXELS, mmap_mode="r"), readable)
    with (folder / LOG).open("a", encoding="utf-8") as log:
        for image_id, original in repeats.items():
            detail = f"It repeats {original} with other brightness or contrast."
            done[image_id] = Decoded(image_id, reason="brightness_variant", detail=detail)
            log.write(json.dumps(asdict(done[image_id])) + "\n")


def _contents(image_ids: list[str], source: ImageSource) -> Iterator[tuple[str, bytes | Place]]:
    """Yield where workers read each image themselves, or its bytes where only one reader can."""
    if not image_ids or source.place(image_ids[0]) is None:
        yield from source.read(image_ids)
        return
    for image_id in sorted(image_ids, key=lambda image_id: source.files[image_id].offset):
        place = source.place(image_id)
        assert place is not None
        yield image_id, place


def _open_pixels(folder: Path, count: int, size: int) -> None:
    """Keep the array (count, size, size) that an interrupted run left, or make a new one."""
    path = folder / PIXELS
    needed, free = count * size * size, shutil.disk_usage(folder).free
    sentence = (
        f"The image store needs {needed / 1e9:.1f} GB in {folder}, {free / 1e9:.1f} GB are free; "
        "free some space or set image_preparation.work_dir to another disk."
    )
    if _holds(path, (count, size, size)):
        return
    (folder / LOG).unlink(missing_ok=True)
    path.unlink(missing_ok=True)
    if free < needed:
        raise OSError(errno.ENOSPC, sentence)
    writing = folder / f"{PIXELS}.writing"
    try:
        np.lib.format.open_memmap(writing, mode="w+", dtype=np.uint8, shape=(count, size, size))
        with writing.open("r+b") as file:
            # A mapped page without a place on the disk would end the process without a word. Only a file
            # that has all its places gets its name, so a run killed in between leaves none without.
            os.posix_fallocate(file.fileno(), 0, writing.stat().st_size)
        writing.replace(path)
    except OSError as error:
        writing.unlink(missing_ok=True)
        raise OSError(error.errno, f"{sentence} Reserving it failed: {error.strerror}.") from error


def _holds(path: Path, shape: tuple[int, int, int]) -> bool:
    """Tell whether an interrupted run has left an array of this shape."""
    try:
        return bool(np.load(path, mmap_mode="r").shape == shape)
    except (ValueError, OSError):
        return False


def _read_log(path: Path) -> dict[str, Decoded]:
    return {decoded.image_id: decoded for decoded in _entries(path)}


def _entries(path: Path) -> Iterator[Decoded]:
    """Yield what was decoded; the last line of a killed run may be cut off and is then removed."""
    if not path.is_file():
        return
    whole = 0
    with path.open("rb") as log:
        for line in log:
            if line.endswith(b"\n"):
                yield Decoded.from_dict(json.loads(line))
                whole += len(line)
    if whole != path.stat().st_size:
        os.truncate(path, whole)


def _close_gaps(path: Path, good: list[int]) -> list[int]:
    """Move images from the end over the rows of unreadable ones.

    Rows are only copied, and copied again without harm if the run is killed here; once the file has been
    shortened there is nothing left to copy from, and nothing to do.

    Returns:
        Which original row each of the first ``len(good)`` rows now holds.
    """
    pixels: Pixels = np.load(path, mmap_mode="r+")
    count = len(good)
    taken = set(good)
    gaps = [row for row in range(count) if row not in taken]
    moved = [row for row in good if row >= count]
    holds = list(range(count))
    for gap, row in zip(gaps, moved, strict=True):
        holds[gap] = row
        if len(pixels) > count:
            pixels[gap] = pixels[row]
    pixels.flush()
    return holds


def _truncate(path: Path, count: int, size: int) -> None:
    """Shorten a pixel file to its first ``count`` images, header included."""
    with path.open("r+b") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        start = file.tell()
        header = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size)}
        file.seek(0)
        np.lib.format.write_array_header_1_0(file, header)
        if file.tell() != start:
            raise RuntimeError(
                f"The header of {path} changed its length from {start} to {file.tell()} bytes."
            )
        file.truncate(start + count * size * size)
