"""Memory-mapped arrays whose place on the disk is reserved before the first byte is written."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike


def reserved_array(
    path: Path, dtype: DTypeLike, shape: tuple[int, ...], what: str, setting: str
) -> np.memmap[Any, np.dtype[Any]]:
    """Make an array file (.npy) and map it for writing.

    A page of a mapped file that has no place on the disk ends the process without a word (SIGBUS), so the
    whole file gets its place here.

    Args:
        path: The file; an old one is replaced.
        dtype: Type of the numbers.
        shape: Shape of the array.
        what: What is kept in it, as the subject of the sentence about a full disk.
        setting: The setting that names another place.

    Raises:
        OSError: If the disk is too small; no file is left then.
    """
    needed = int(np.prod(shape)) * np.dtype(dtype).itemsize
    free = shutil.disk_usage(path.parent).free
    sentence = (
        f"{what} need {needed / 1e9:.3g} GB in '{path.parent}', {free / 1e9:.3g} GB are free; free some "
        f"space or set {setting} to a folder on another disk, and run again."
    )
    if free < needed:
        raise OSError(sentence)
    try:
        array: np.memmap[Any, np.dtype[Any]] = np.lib.format.open_memmap(
            path, mode="w+", dtype=np.dtype(dtype), shape=shape
        )
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise OSError(error.errno, f"{sentence} Reserving failed: {error.strerror}.") from error
    return array
