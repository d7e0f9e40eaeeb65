"""Files below a folder, through links too, each once however the links lead."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from coherent_cxr.inputs.names import printable

_log = logging.getLogger(__name__)


class Found(NamedTuple):
    """A file below a folder.

    Attributes:
        path: Its path from the folder, with slashes.
        size: Bytes.
        modified: Time of its last change in whole seconds.
    """

    path: str
    size: int
    modified: int


def walk(root: Path, enter: Callable[[str], bool] | None = None) -> Iterator[Found]:
    """Yield the regular files below a folder, sorted by name within each folder.

    Folders that are links are entered; one that was entered before, by another way or in a circle, is not.
    A folder that may not be read is passed over with a warning; a link that leads nowhere is no file.

    Args:
        root: The folder.
        enter: Which folders below it to enter, by their path from it; all by default.
    """
    device = root.stat().st_dev
    entered = {(device, root.stat().st_ino)}
    waiting = [(str(root), "", device)]
    while waiting:
        folder, prefix, device = waiting.pop()
        below: list[tuple[str, str, int]] = []
        for entry in _entries(folder):
            path = f"{prefix}{entry.name}"
            try:
                if entry.is_dir():
                    if enter is not None and not enter(path):
                        continue
                    key = (device, entry.inode())
                    if entry.is_symlink():
                        status = entry.stat()
                        key = (status.st_dev, status.st_ino)
                    if key not in entered:
                        entered.add(key)
                        below.append((entry.path, f"{path}/", key[0]))
                elif entry.is_file():
                    status = entry.stat()
                    yield Found(path, status.st_size, int(status.st_mtime))
            except OSError as error:  # it vanished, or a link leads in a circle
                _log.warning("'%s' cannot be looked at: %s.", printable(path), error.strerror)
        waiting += reversed(below)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        _log.warning("The folder '%s' cannot be read: %s.", printable(folder), error.strerror)
        return []
