"""Memory-mapped arrays whose disk space is reserved before anything is written."""

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
    """Create an array file (.npy) and map it for writing.

    Writing to a mapped page when the disk is full kills the process without a message (SIGBUS), so space for
    the whole file is reserved first.

    Args:
        path: The file; an existing one is replaced.
        dtype: Type of the numbers.
        shape: Shape of the array.
        what: What it holds: the subject of the sentence about a full disk.
        setting: The setting that chooses another folder.

    Raises:
        OSError: If the disk is too small; no file remains.
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
