"""A project that was copied or moved uses its own artifacts, and leaves the original's alone."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from urllib.parse import unquote

import mlflow
import pytest

from coherent_cxr.tracking.database import prepare_database


@pytest.fixture
def original(database: Path) -> Path:
    """A project whose artifacts' places are written in both of MLflow's ways, beside a remote one."""
    project = database.parent / "my project"
    (project / "mlartifacts").mkdir(parents=True)
    database.replace(project / "mlflow.db")
    client = _client(project)
    for name, place in {
        "as address": (project / "mlartifacts").as_uri(),
        "as path": str(project / "mlartifacts"),
        "remote": "s3://bucket/mlartifacts",
        "elsewhere": str(database.parent / "elsewhere"),
        "alike": f"{project}-2/other",
    }.items():
        experiment = client.create_experiment(name, place)
        if name.startswith("as "):
            run = client.create_run(experiment)
            client.log_text(run.info.run_id, name, "note.txt")
    return project


def _client(project: Path) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")


def _prepare(project: Path) -> None:
    prepare_database(project / "mlflow.db", project, project / "mlartifacts")


def _places(project: Path) -> dict[str, str]:
    return {found.name: found.artifact_location for found in _client(project).search_experiments()}


@pytest.mark.parametrize("moved", [True, False])
def test_places_follow_the_project(original: Path, moved: bool, caplog: pytest.LogCaptureFixture) -> None:
    copy = original.parent / "copy"
    before = _places(original)
    (shutil.move if moved else shutil.copytree)(original, copy)
    with caplog.at_level(logging.WARNING):
        _prepare(copy)
        _prepare(copy)
    (message,) = [r.getMessage() for r in caplog.records if r.name.startswith("coherent_cxr")]
    assert f"from '{original}'" in message
    assert str(copy / "mlartifacts") in message
    places = _places(copy)
    assert places["as address"] == (copy / "mlartifacts").as_uri()
    assert places["as path"] == str(copy / "mlartifacts")
    for name in ("remote", "elsewhere", "alike"):
        assert places[name] == before[name]
    client = _client(copy)
    for name in ("as address", "as path"):
        experiment = client.get_experiment_by_name(name)
        (run,) = client.search_runs([experiment.experiment_id])
        place = unquote(run.info.artifact_uri).removeprefix("file://")
        assert (Path(place) / "note.txt").read_text() == name
        assert Path(place).is_relative_to(copy)
        # MLflow remembers the place of a run for as long as a process lives, so a new one.
        client.log_text(client.create_run(experiment.experiment_id).info.run_id, "new", "new.txt")
    assert len(list(copy.rglob("new.txt"))) == 2
    if not moved:
        assert _places(original) == before
        assert not list(original.rglob("new.txt"))


def test_a_project_that_stayed_is_not_touched(original: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = _places(original)
    link = original.parent / "link"
    link.symlink_to(original)
    with caplog.at_level(logging.WARNING):
        _prepare(original)
        _prepare(link)
    assert _places(original) == before
    assert not [r for r in caplog.records if r.name.startswith("coherent_cxr")]


def test_artifacts_that_did_not_come_along_are_named(
    original: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = original.parent / "copy"
    copy.mkdir()
    shutil.copy(original / "mlflow.db", copy)
    with caplog.at_level(logging.WARNING):
        _prepare(copy)
    assert f"copy '{original / 'mlartifacts'}' there too" in caplog.text
