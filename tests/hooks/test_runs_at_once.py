"""Runs at the same time keep to themselves, whichever saves first."""

from __future__ import annotations

import hashlib
import importlib
import json
import shutil
from pathlib import Path

import pytest


def _files(project):
    return sorted((project / "data" / "table.parquet").rglob("*/table.parquet"))


@pytest.mark.slow
def test_a_run_loads_its_own_table_although_another_has_saved_a_newer_one(
    run, project, disable_plugins, monkeypatch
):
    disable_plugins("kedro_mlflow")  # one process has one MLflow run at a time
    importlib.invalidate_caches()
    nodes = importlib.import_module("tiny_project.nodes")

    def another_run():
        nodes.MEANWHILE.clear()
        run("reading", params={"reading": {"steps": 9}})

    monkeypatch.setattr(nodes, "MEANWHILE", [another_run])
    assert run("interleaved", params={"reading": {"steps": 5}})["seen"].load() == {"n": 5}
    assert len(_files(project)) == 2


@pytest.mark.slow
def test_the_digest_is_that_of_the_runs_own_table(run, project, client, tmp_path):
    run("reading")
    (own,) = _files(project)
    newer = own.parent.with_name("2999-01-01T00.00.00.000Z")
    shutil.copytree(own.parent, newer)
    (newer / own.name).write_bytes(own.read_bytes()[:-4] + b"....PAR1")
    run("reading", params={"reading": {"steps": 2}})
    (later,) = set(_files(project)) - {own, newer / own.name}
    experiment = client.get_experiment_by_name("coherent-cxr")
    last = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"])[0]
    record = client.download_artifacts(last.info.run_id, "data_digests.json", str(tmp_path))
    digests = json.loads(Path(record).read_text())["digests"]
    assert digests["table"] == hashlib.sha256(later.read_bytes()).hexdigest()
