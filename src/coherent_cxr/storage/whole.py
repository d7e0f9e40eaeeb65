"""Atomic writes: a killed process leaves no file or folder that looks complete."""

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
    """Return a temporary path in the same folder, to write to before the move.

    The name belongs to this process and keeps the target's suffix, which some writers need.
    """
    return target.with_name(f".writing-{_HOST}-{os.getpid()}-{next(_COUNT)}-{target.name}")


@contextmanager
def written_whole(target: Path, make_folders: bool = True) -> Iterator[Path]:
    """Yield a temporary path to write a file or folder to, then move it to its target.

    An existing target is replaced; of a link, the file it points to. If writing fails, nothing remains and
    the target is unchanged. A pipe or a device is written to directly.

    Args:
        target: Final path of the file or folder.
        make_folders: Whether its parent folders are created.

    Yields:
        The temporary path.
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
    """Delete a file or folder if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def being_written(folder: Path) -> bool:
    """Tell whether a running process, or one of another machine, is writing into a folder."""
    return any(not _is_abandoned(path) for path in folder.glob(".writing-*"))


def sweep(folder: Path) -> None:
    """Delete what killed processes of this machine have left in a folder."""
    for path in folder.glob(".writing-*"):
        if _is_abandoned(path):
            discard(path)


def _is_abandoned(writing: Path) -> bool:
    match = _WRITING.match(writing.name)
    if match is None or match["host"] != _HOST:
        return False
    return not process_lives(int(match["process"]))


def process_lives(process: int) -> bool:
    """Tell whether a process of any user is running on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def looks_whole(path: Path) -> bool:
    """Tell whether a file is complete, as far as its format shows; a truncated file is not.

    Checks the last bytes of Parquet and PNG, the length stated in safetensors, and the syntax of JSON (above
    16 MB only its last character). Any other file is complete unless it is empty; a folder is complete if all
    its files are.
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
