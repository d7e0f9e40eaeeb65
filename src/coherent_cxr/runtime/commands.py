"""How commands of this environment are typed here."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def typed(name: str) -> str:
    """Return a command as it works from this folder: its name if it is on the path, else where it lies.

    Args:
        name: Such as ``kedro`` or ``mlflow``.
    """
    ours = Path(sys.executable).parent / name
    found = shutil.which(name)
    if not ours.exists() or (found is not None and Path(found).absolute() == ours):
        return name
    return shown_path(ours)


def shown_path(path: Path) -> str:
    """Return a path from this folder where it lies inside, else whole."""
    here = Path(os.path.abspath(path))  # noqa: PTH100  # links are to stay as the user knows them
    return str(here.relative_to(Path.cwd())) if here.is_relative_to(Path.cwd()) else str(here)
