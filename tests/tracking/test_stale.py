"""Runs of processes that are gone are closed; all others are not touched."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import mlflow
import pytest

from coherent_cxr.tracking.stale import (
    CONTEXT,
    HOST,
    PROCESS,
    STARTED,
    close_stale_runs,
    process_tags,
    tag_runs_with_process,
)


def test_only_runs_of_dead_processes_of_this_machine_are_closed(database: Path) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{database}")
    ended = subprocess.Popen(["true"])
    ended.wait()
    own = process_tags()
    tags = {
        "dead": {**own, PROCESS: str(ended.pid)},
        "number given again": {**own, STARTED: "1"},
        "mine": own,
        "another machine's": {**own, PROCESS: str(ended.pid), HOST: "elsewhere"},
        "unknown": {},
        "garbage": {HOST: socket.gethostname(), PROCESS: "-1"},
    }
    runs = {name: client.create_run("0", tags=tagged).info.run_id for name, tagged in tags.items()}
    finished = client.create_run("0", tags=tags["dead"]).info.run_id
    client.set_terminated(finished, "FINISHED")
    assert set(close_stale_runs(client, "0")) == {runs["dead"], runs["number given again"]}
    status = {name: client.get_run(run_id).info.status for name, run_id in runs.items()}
    assert {name for name, s in status.items() if s == "KILLED"} == {"dead", "number given again"}
    assert {s for name, s in status.items() if name not in ("dead", "number given again")} == {"RUNNING"}
    assert client.get_run(finished).info.status == "FINISHED"
    assert close_stale_runs(client, "0") == []
    assert own[PROCESS] == str(os.getpid())


@pytest.mark.parametrize("given", ['{"team": "chest"}', "no JSON", "[1]", None])
def test_a_run_knows_its_process_from_its_first_moment(
    database: Path, monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    monkeypatch.setenv(CONTEXT, given or "{}")
    if given is None:
        monkeypatch.delenv(CONTEXT)
    tag_runs_with_process()
    mlflow.set_tracking_uri(f"sqlite:///{database}")
    with mlflow.start_run(experiment_id="0") as run:  # its tags are those that it was made with
        assert process_tags().items() <= run.data.tags.items()
        assert run.data.tags.get("team") == ("chest" if given and "team" in given else None)
