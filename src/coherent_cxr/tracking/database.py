"""Create MLflow's SQLite database atomically, and check it before a run relies on it."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from coherent_cxr.storage.exclusive import sole_holder
from coherent_cxr.storage.whole import sweep, written_whole
from coherent_cxr.tracking.addresses import TrackingError, sqlite_address
from coherent_cxr.tracking.moved import repair_moved_project

logger = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds to wait for another program's lock on the database."""
MOST_CHECKED = 2**26
COMPANIONS = ("-journal", "-wal", "-shm")


def prepare_database(path: Path, project: Path, artifacts: Path | None) -> None:
    """Create MLflow's database if there is none, and check that a run can use it.

    A new database is created under a temporary name and then moved, by one process at a time, so a killed run
    leaves no incomplete one. An incomplete database of an earlier release holds no run and is renamed.

    Args:
        path: The database file.
        project: The project's folder; if the database names another one, the project was copied or moved.
        artifacts: Artifact folder of new runs; None if it is not on this machine.

    Raises:
        TrackingError: If the file is no MLflow database, is damaged or locked, or cannot be written.
    """
    try:
        with sole_holder(path.with_name(f".{path.name}.lock"), "MLflow's database"):
            sweep(path.parent)
            if _is_absent(path) or not _is_usable(path):
                _make(path, artifacts or project / "mlartifacts")
            elif artifacts is not None:
                repair_moved_project(path, project, artifacts)
    except OSError as error:
        raise TrackingError(f"MLflow's database '{path}' cannot be made or opened: {error}.") from error


def check_database(path: Path) -> None:
    """Check that an existing database can be used.

    Raises:
        TrackingError: If it is no MLflow database, is damaged or locked, or no run was ever recorded in it.
    """
    if _is_absent(path) or not _is_usable(path, set_aside=False):
        raise TrackingError(f"There is no run in '{path}' yet. Run `kedro run` in the project first.")


def _is_absent(path: Path) -> bool:
    return not path.exists() or (path.is_file() and not path.stat().st_size)


def _is_usable(path: Path, set_aside: bool = True) -> bool:
    """Check a database; return False for an incomplete one, which is renamed."""
    try:
        with closing(sqlite3.connect(path, timeout=PATIENCE)) as database:
            tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type='table'")}
            if path.stat().st_size <= MOST_CHECKED:
                ((answer,),) = database.execute("PRAGMA quick_check(1)").fetchall()
                if answer != "ok":
                    raise sqlite3.DatabaseError(answer)
            if tables and not tables & {"experiments", "alembic_version"}:
                raise TrackingError(
                    f"'{path}' is a database of another program, not MLflow's. Move it away, or name another "
                    "place in conf/base/mlflow.yml."
                )
            used = (
                "experiments" in tables and database.execute("SELECT 1 FROM experiments LIMIT 1").fetchone()
            )
            if used and set_aside:  # a reader needs no lock
                database.execute("BEGIN IMMEDIATE")
                database.rollback()
    except sqlite3.Error as error:
        raise TrackingError(_explained(path, error)) from error
    if not used and set_aside:
        _set_aside(path)
    return bool(used)


def _explained(path: Path, error: sqlite3.Error) -> str:
    reason = str(error)
    name = f"MLflow's database '{path}'"
    if "locked" in reason or "busy" in reason:
        return (
            f"{name} is locked by another program, still after {PATIENCE:.0f} s. Wait for it or end it, then "
            "run again."
        )
    if "readonly" in reason or "unable to open" in reason:
        return f"{name} cannot be written ({reason}). Give yourself the right to, or move it away."
    if "full" in reason or "disk I/O" in reason:
        return f"{name} cannot be written ({reason}). Free some space, then run again."
    return (
        f"'{path}' is no MLflow database, or it is damaged ({reason}). Put a copy of yours in its place, or "
        "move it away: the next run makes a new one."
    )


def _set_aside(path: Path) -> None:
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H.%M.%SZ")
    aside = path.with_name(f"{path.name}.incomplete-{stamp}")
    path.replace(aside)
    _move_companions(path, aside)
    logger.warning(
        "MLflow's database '%s' is incomplete (its first run was stopped) and holds no run. It is kept "
        "as '%s', and a new one is made.",
        path,
        aside.name,
    )


def _move_companions(path: Path, aside: Path) -> None:
    # SQLite would apply a leftover journal to the new database.
    for ending in COMPANIONS:
        companion = Path(f"{path}{ending}")
        if companion.exists():
            companion.replace(f"{aside}{ending}")


def _make(path: Path, artifacts: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    _move_companions(path, path.with_name(f"{path.name}.incomplete"))
    with written_whole(path) as writing:
        make: Any = SqlAlchemyStore  # MLflow is partly untyped
        store = make(sqlite_address(writing), str(artifacts))
        store.engine.dispose()
