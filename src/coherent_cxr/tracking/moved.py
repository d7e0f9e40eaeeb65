"""Repair of a copied or moved project: MLflow stores absolute artifact paths, which point to the original."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

logger = logging.getLogger(__name__)

PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Tables and columns of MLflow's database that hold absolute artifact paths."""


def repair_moved_project(database: Path, project: Path, artifacts: Path) -> None:
    """Update the artifact paths of a database that was copied or moved with its project.

    MLflow stores absolute paths. If an experiment's artifact folder is named like this project's but lies in
    another project's folder, all paths in that folder are changed to paths in this one.

    Args:
        database: MLflow's SQLite file.
        project: The project's folder.
        artifacts: The project's artifact folder; nothing is changed if it lies outside the project.
    """
    if not artifacts.is_relative_to(project):
        return
    inside = artifacts.relative_to(project)
    with closing(sqlite3.connect(database, timeout=10.0)) as connection:
        places = [row[0] for row in connection.execute("SELECT DISTINCT artifact_location FROM experiments")]
        formers = {former for place in places if (former := _project_of(place, inside)) is not None}
        formers = {former for former in formers if not _is_same(former, project)}
        if not formers:
            return
        with connection:  # all paths or none
            connection.execute("BEGIN IMMEDIATE")
            for former in sorted(formers):
                for table, column in PLACES:
                    _rewrite(connection, table, column, former, project)
    for former in sorted(formers):
        missing = not artifacts.is_dir() and (former / inside).is_dir()
        logger.warning(
            "This project was copied or moved from '%s': MLflow's database now names artifacts in '%s'.%s",
            former,
            artifacts,
            f" They have not come along: copy '{former / inside}' there too." if missing else "",
        )


def _project_of(place: str | None, inside: Path) -> Path | None:
    """Return the project folder of an artifact path, if its artifact folder is named like ours."""
    if not place:
        return None
    parts = urlsplit(place)
    if parts.scheme not in ("", "file") or parts.netloc:
        return None
    path = Path(unquote(parts.path) if parts.scheme else place)
    depth = len(inside.parts)
    if not path.is_absolute() or path.parts[-depth:] != inside.parts:
        return None
    return Path(*path.parts[:-depth])


def _is_same(former: Path, project: Path) -> bool:
    try:
        return former.samefile(project)
    except OSError:
        return former == project


def _rewrite(connection: sqlite3.Connection, table: str, column: str, former: Path, project: Path) -> None:
    known = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
    if column not in known:
        return
    for old, new in ((former.as_uri(), project.as_uri()), (str(former), str(project))):
        connection.execute(
            f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
            (new, len(old) + 1, len(old) + 1, f"{old}/"),
        )
