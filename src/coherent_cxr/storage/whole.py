"""Files and folders that appear in one step, so that a killed writer leaves nothing that looks finished."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import socket
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

MOST_JSON = 2**24

_COUNT = itertools.count()
_HOST = f"{zlib.crc32(socket.gethostname().encode()):08x}"
_WRITING = re.compile(r"\.writing-(?P<host>[0-9a-f]{8})-(?P<process>\d+)-\d+-")


def beside(target: Path) -> Path:
    """Name a place in the same folder to write to before a move.

    The name is this process's own, and ends like the target's, for writers that go by the suffix.
    """
    return target.with_name(f".writing-{_HOST}-{os.getpid()}-{next(_COUNT)}-{target.name}")


@contextmanager
def written_whole(target: Path, make_folders: bool = True) -> Iterator[Path]:
    """Give a place to write a file or folder to, and move it to its own in the end.

    What was at the target before is replaced; a link stays, and what it leads to is replaced. If writing
    fails, nothing is left and the target is as before. A pipe or a device stays and is written to.

    Args:
        target: Where the file or folder will be.
        make_folders: Whether folders above it are made.

    Yields:
        Where to write.
    """
    target = Path(os.path.realpath(target))
    if target.exists() and not (target.is_file() or target.is_dir()):
        yield target
        return
    if make_folders:
        target.parent.mkdir(parents=True, exist_ok=True)
    writing = beside(target)
    try:
        yield writing
        if target.is_dir():  # a folder cannot be replaced by a move
            former = beside(target)
            target.replace(former)
            writing.replace(target)
            discard(former)
        else:
            writing.replace(target)
    except BaseException:
        discard(writing)
        raise


def discard(path: Path) -> None:
    """Delete a file or folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def being_written(folder: Path) -> bool:
    """Tell whether a living process of this machine, or any of another one, is writing into a folder."""
    return any(not _is_abandoned(path) for path in folder.glob(".writing-*"))


def sweep(folder: Path) -> None:
    """Delete what writers of this machine that were killed have left in a folder."""
    for path in folder.glob(".writing-*"):
        if _is_abandoned(path):
            discard(path)


def _is_abandoned(writing: Path) -> bool:
    match = _WRITING.match(writing.name)
    if match is None or match["host"] != _HOST:
        return False
    return not process_lives(int(match["process"]))


def process_lives(process: int) -> bool:
    """Tell whether a process of this machine is running; those of other users count."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def looks_whole(path: Path) -> bool:
    """Tell whether a file is complete as far as its kind can show; one that was cut short is not.

    Looks at Parquet's and PNG's endings, the length that a safetensors file states, and the syntax of JSON
    (of a file of over 16 MB, its last character). Any other file counts unless it is empty. A folder counts
    if all that is in it does.
    """
    check = _CHECKS.get(path.suffix)
    try:
        if path.is_dir():
            inside = list(path.iterdir())
            return bool(inside) and all(map(looks_whole, inside))
        with path.open("rb") as file:
            return check(file) if check else bool(file.read(1))
    except (OSError, ValueError, OverflowError):
        return False


def _ends_with(file: BinaryIO, end: bytes) -> bool:
    file.seek(max(0, file.seek(0, os.SEEK_END) - len(end)))
    return file.read() == end


def _is_json(file: BinaryIO) -> bool:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - MOST_JSON))
    end = file.read()
    if size > MOST_JSON:
        return end.rstrip()[-1:] in (b"}", b"]", b'"')
    json.loads(end)
    return True


def _is_safetensors(file: BinaryIO) -> bool:
    header_size = int.from_bytes(file.read(8), "little")
    size = file.seek(0, os.SEEK_END)
    if not 0 < header_size <= size - 8:
        return False
    file.seek(8)
    header = json.loads(file.read(header_size))
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    return size == 8 + header_size + max(ends, default=0)


_CHECKS: dict[str, Callable[[BinaryIO], bool]] = {
    ".parquet": lambda file: _ends_with(file, b"PAR1"),
    ".png": lambda file: _ends_with(file, b"IEND\xaeB`\x82"),
    ".json": _is_json,
    ".safetensors": _is_safetensors,
}
