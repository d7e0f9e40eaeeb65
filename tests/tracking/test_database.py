"""MLflow's database is made whole; a broken, foreign or locked one is told in a sentence."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import mlflow
import pytest

from coherent_cxr.tracking import database as module
from coherent_cxr.tracking.addresses import TrackingError
from coherent_cxr.tracking.database import check_database, prepare_database
from helpers.commands import Running
from helpers.forks import Forks

PREPARE = (
    "import sys; from pathlib import Path; from coherent_cxr.tracking.database import prepare_database\n"
    "folder = Path(sys.argv[1]); prepare_database(folder / 'mlflow.db', folder, folder / 'mlartifacts')"
)


def _prepare(folder: Path) -> None:
    prepare_database(folder / "mlflow.db", folder, folder / "mlartifacts")


def _experiments(path: Path) -> list[str]:
    return [found.name for found in mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()]


def test_a_new_database_is_ready_for_mlflow_and_left_alone_later(pristine: Path) -> None:
    assert _experiments(pristine) == ["Default"]
    before = pristine.stat().st_mtime_ns
    _prepare(pristine.parent)
    assert pristine.stat().st_mtime_ns == before
    made = {path.name for path in pristine.parent.iterdir()}
    assert made - {"mlartifacts"} == {"mlflow.db", ".mlflow.db.lock", "mlflow.db.incomplete-journal"}


def test_an_empty_file_and_a_journal_left_behind_did_not_spoil_it(pristine: Path) -> None:
    assert (pristine.parent / "mlflow.db.incomplete-journal").read_bytes() == b"left behind"
    with closing(sqlite3.connect(pristine)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.slow
def test_after_a_kill_and_a_half_made_one_two_that_start_at_once_find_one_database(
    tmp_path: Path, pristine: Path, forks: Forks
) -> None:
    command = ("-c", PREPARE, str(tmp_path))
    killed = Running(forks, command, tmp_path)
    killed.until(lambda: any(p.stat().st_size > 20_000 for p in tmp_path.glob(".writing-*mlflow.db")))
    killed.process.kill()
    killed.end()
    assert not (tmp_path / "mlflow.db").exists()
    _leave_half_made(tmp_path / "mlflow.db", pristine)  # as an earlier release did
    started = [Running(forks, command, tmp_path) for _ in range(2)]
    ended = [running.end() for running in started]
    told = [one.errors for one in ended]
    assert [one.code for one in ended] == [0, 0], told
    assert "Traceback" not in "".join(told)
    assert _experiments(tmp_path / "mlflow.db") == ["Default"]
    (aside,) = tmp_path.glob("mlflow.db.incomplete-*")
    assert (
        "".join(told).count(
            f"is incomplete (its first run was stopped) and holds no run. It is kept as '{aside.name}'"
        )
        == 1
    )
    assert not list(tmp_path.glob(".writing-*"))


def _leave_half_made(path: Path, pristine: Path) -> None:
    with closing(sqlite3.connect(pristine)) as whole, closing(sqlite3.connect(path)) as half:
        for (statement,) in whole.execute("SELECT sql FROM sqlite_master WHERE type='table' LIMIT 12"):
            if "sqlite_" not in statement:
                half.execute(statement)
        half.commit()


@pytest.mark.parametrize("kind", ["text", "noise", "truncated", "foreign", "folder"])
def test_what_is_no_database_of_mlflow_is_refused_and_kept(database: Path, kind: str) -> None:
    whole = database.read_bytes()
    if kind == "text":
        database.write_text("study_id,report\n" * 500)
    elif kind == "noise":
        database.write_bytes(whole[:100] + os.urandom(len(whole) - 100))
    elif kind == "truncated":
        database.write_bytes(whole[: len(whole) // 2])
    elif kind == "foreign":
        database.unlink()
        with closing(sqlite3.connect(database)) as other:
            other.execute("CREATE TABLE invoices (id)")
    else:
        database.unlink()
        database.mkdir()
    before = None if kind == "folder" else database.read_bytes()
    for call in (lambda: _prepare(database.parent), lambda: check_database(database)):
        with pytest.raises(TrackingError) as refused:
            call()
        assert str(database) in str(refused.value)
        assert "\n" not in str(refused.value)
        assert "ove it away" in str(refused.value)
    assert before is None or database.read_bytes() == before


def test_a_lock_of_another_program_is_waited_for_and_then_told(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    with closing(sqlite3.connect(database)) as other:
        other.execute("BEGIN EXCLUSIVE")
        start = time.perf_counter()
        with pytest.raises(TrackingError, match="locked by another program"):
            _prepare(database.parent)
        assert time.perf_counter() - start >= 0.3
        other.rollback()
    _prepare(database.parent)


def test_a_database_without_a_run_is_not_made_by_reading(tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match=r"no run in .* yet\. Run `kedro run`"):
        check_database(tmp_path / "mlflow.db")
    assert list(tmp_path.iterdir()) == []
