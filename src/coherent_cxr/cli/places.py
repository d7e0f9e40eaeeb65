"""Places that a command is to write to, looked at before the work."""

from __future__ import annotations

import os
from pathlib import Path

import click


def require_writable_file(path: Path, option: str, endings: tuple[str, ...] = ()) -> None:
    """Refuse a place where no file can be written.

    Args:
        path: Of the file.
        option: That named it.
        endings: Those that it may have; none: any.

    Raises:
        ClickException: The message says why and names the option.
    """
    if endings and path.suffix.lower() not in endings:
        raise _cannot(path, f"its name must end in {', '.join(endings)}", option)
    if path.is_dir():
        raise _cannot(path, "it is a folder", option)
    folder = path.absolute().parent
    if not folder.is_dir():
        raise _cannot(path, f"there is no folder '{folder}'", option)
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise _cannot(path, "you have no right to", option)


def require_writable_folder(path: Path, option: str) -> None:
    """Refuse a folder that cannot be made or written to; nothing is made yet.

    Raises:
        ClickException: The message says why and names the option.
    """
    nearest = next((place for place in (path, *path.absolute().parents) if place.exists()), path)
    if not nearest.is_dir():
        raise _cannot(path, f"'{nearest}' is no folder", option)
    if not os.access(nearest, os.W_OK):
        raise _cannot(path, "you have no right to", option)


def _cannot(path: Path, why: str, option: str) -> click.ClickException:
    return click.ClickException(f"'{path}' cannot be written: {why}. Name another place with {option}.")
