"""Runs leave parameters, histories, results, code version and data digests in a real MLflow database."""

from __future__ import annotations

import hashlib
import json
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.runner import ParallelRunner, ThreadRunner
from mlflow.entities import Param

from coherent_cxr.hooks.tracking.lineage import file_digest, git_tags
from coherent_cxr.hooks.tracking.metrics import history_metrics
from coherent_cxr.hooks.tracking.records import dataset_input, log_dataset, run_name
from coherent_cxr.hooks.tracking.runs import flatten


def _runs(client, name):
    experiment = client.get_experiment_by_name("coherent-cxr")
    return client.search_runs([experiment.experiment_id], f"tags.pipeline = '{name}'")


def _trainings(client, run):
    found = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'")
    return {one.data.tags["training"]: one for one in found}


def _record(client, run, tmp_path):
    path = client.download_artifacts(run.info.run_id, "data_digests.json", str(tmp_path))
    return json.loads(Path(path).read_text())


@pytest.mark.parametrize("runner", [None, ThreadRunner, ParallelRunner])
@pytest.mark.slow
def test_a_whole_run_records_everything_whichever_runner(run, client, project, runner, tmp_path):
    if runner is ParallelRunner:
        run("reading")
        run("training", runner=ParallelRunner(max_workers=2))
        (recorded,) = _runs(client, "training")
    else:
        run(runner=runner() if runner else None)
        (recorded,) = _runs(client, "__default__")
        assert recorded.data.metrics == {"BLEU-4/mle": 0.125}  # the first; all are in a table
        table = client.download_artifacts(recorded.info.run_id, "headline.json", str(tmp_path))
        assert json.loads(Path(table).read_text()) == {
            "columns": ["system", "BLEU-4", "macro F1 (14)", "note", "best"],
            "data": [["mle", 0.125, 0.5, "text", True]],
        }
        assert recorded.info.run_name.startswith("demonstration · ")
        artifacts = {file.path for file in client.list_artifacts(recorded.info.run_id)}
        assert {"figure.png", "results_page.html", "metrics_summary.json", "resamples.parquet"} <= artifacts
        assert not any("table" in name or "history" in name for name in artifacts)
    assert recorded.info.status == "FINISHED"
    assert recorded.data.params["training.steps"] == "3"
    assert recorded.data.params["training.inner.rate"] == "0.25"
    trainings = _trainings(client, recorded)
    assert set(trainings) == {"training", "full"}
    # Characters that MLflow refuses become underscores.
    history = client.get_metric_history(trainings["training"].info.run_id, "train/word loss _mean_")
    assert [(m.step, m.value) for m in history] == [(0, 1.0), (1, 0.5), (2, pytest.approx(1 / 3))]
    assert len(client.get_metric_history(trainings["full"].info.run_id, "train/word loss _mean_")) == 3
    assert trainings["full"].info.run_name == "full training"
    assert trainings["full"].info.status == "FINISHED"
    (file,) = (project / "data" / "training_history.parquet").rglob("*/training_history.parquet")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert _record(client, recorded, tmp_path)["digests"]["training_history"] == digest
    assert not any(tag.startswith(("digest.", "input.")) for tag in recorded.data.tags)


@pytest.mark.slow
def test_a_run_of_one_stage_is_found_by_pipeline_and_environment(run, client):
    run("reading", env="other")
    experiment = client.get_experiment_by_name("coherent-cxr")
    (recorded,) = client.search_runs(
        [experiment.experiment_id], "tags.pipeline = 'reading' and tags.environment = 'other'"
    )
    assert recorded.info.run_name == "other · reading"
    run("reading")
    assert {r.data.tags["environment"] for r in _runs(client, "reading")} == {"base", "other"}


@pytest.mark.slow
def test_inputs_are_recorded_by_version(run, client, project, tmp_path):
    run("reading")
    run("training")
    (version,) = (path.name for path in (project / "data" / "table.parquet").iterdir())
    assert _record(client, _runs(client, "training")[0], tmp_path)["inputs"] == {"table": version}


@pytest.mark.slow
def test_report_text_is_neither_a_parameter_nor_a_tag(run, client):
    run()
    (recorded,) = _runs(client, "__default__")
    values = [*recorded.data.params.values(), *recorded.data.tags.values()]
    assert not any("secret" in value for value in values)


@pytest.mark.slow
def test_utilities_have_an_experiment_of_their_own(run, client, project, monkeypatch):
    monkeypatch.setattr("coherent_cxr.hooks.tracking.utility_runs.EXTRA_STAGES", ("reading",))
    run("reading")
    run("training")
    experiments = {one.experiment_id: one for one in client.search_experiments()}
    found = [one for one in client.search_runs(list(experiments)) if "pipeline" in one.data.tags]
    places = {one.data.tags["pipeline"]: experiments[one.info.experiment_id] for one in found}
    assert places["reading"].name == "coherent-cxr-utilities"
    assert places["training"].name == "coherent-cxr"
    assert {one.info.status for one in found} == {"FINISHED"}
    assert places["reading"].artifact_location.endswith("mlartifacts-utilities")


def test_names_say_corpus_purpose_and_seed():
    catalog = DataCatalog.from_config({})
    catalog["params:mle_training"] = MemoryDataset(SimpleNamespace(seed=3))
    catalog["params:evaluation"] = MemoryDataset(SimpleNamespace(seed=9))
    pipeline = Pipeline([Node(print, ["params:mle_training", "params:evaluation"], None, name="a")])
    assert run_name(["mle_training", "evaluation"], "openi", pipeline, catalog) == (
        "openi · mle_training + evaluation · seed 3"
    )
    assert run_name(None, "base", pipeline, catalog) == "demonstration · full · seed 3"


@pytest.mark.slow
def test_a_failing_run_is_closed_as_failed_and_the_next_is_its_own(run, client):
    run("reading")
    with pytest.raises(RuntimeError, match="broken on purpose"):
        run("failing")
    assert [r.info.status for r in _runs(client, "failing")] == ["FAILED"]
    run("training")
    assert [r.info.status for r in _runs(client, "training")] == ["FINISHED"]


@pytest.mark.slow
def test_the_database_lies_in_the_project_wherever_the_command_is_run(run, project, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    (project / "mlflow.db").unlink()
    run("reading")
    assert (project / "mlflow.db").is_file()
    assert list(elsewhere.iterdir()) == []


def test_without_kedro_mlflow_nothing_is_recorded_and_nothing_breaks(run, project, disable_plugins):
    disable_plugins("kedro_mlflow")
    (project / "mlflow.db").unlink()
    run()
    assert not (project / "mlflow.db").exists()
    assert (project / "data" / "results_page.html").is_dir()


def test_nested_settings_become_dotted_names():
    assert flatten({"a": {"b": 1, "c": {"d": None}}, "e": [1, 2]}, "stage") == {
        "stage.a.b": "1",
        "stage.a.c.d": "None",
        "stage.e": "[1, 2]",
    }


def test_settings_under_names_of_any_characters_are_recorded(client):
    named = {"cider + 10 ccr": {"weight": 1.0}, "größer > 0 % 'x'\n": {"y" * 300: "z" * 7000, "/a//../b/": 1}}
    run = client.create_run("0")
    flat = flatten(named, "reward_lab.objectives")
    client.log_batch(run.info.run_id, params=[Param(*item) for item in flat.items()])
    recorded = client.get_run(run.info.run_id).data.params
    assert recorded["reward_lab.objectives.cider _ 10 ccr.weight"] == "1.0"
    assert {len(value) for value in recorded.values()} == {1, 3, 6000}


def test_histories_are_named_after_their_training():
    table = pd.DataFrame(
        [(7, 0.5, "validation", "ccr/Edema", 0.25)], columns=["step", "epoch", "split", "metric", "value"]
    )
    name, (plain,) = history_metrics("encoder_history", table)
    assert (name, plain.key, plain.value, plain.step) == ("encoder", "validation/ccr/Edema", 0.25, 7)
    assert history_metrics("nlg.rl_history", table)[0] == "nlg"
    several = table.assign(system="show & tell", metric="word_loss")
    name, (plain,) = history_metrics("baselines_history", several)
    assert (name, plain.key) == ("baselines", "validation/show _ tell/word_loss")


def test_a_folders_digest_sees_names_and_bytes(tmp_path: Path):
    for name in ("a", "b"):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "inner" / "file").write_text("same")
    assert file_digest(tmp_path / "a") == file_digest(tmp_path / "b")
    (tmp_path / "b" / "inner" / "file").rename(tmp_path / "b" / "inner" / "renamed")
    assert file_digest(tmp_path / "a") != file_digest(tmp_path / "b")


def test_a_changed_working_tree_is_marked_dirty(tmp_path: Path):
    assert git_tags(tmp_path) == {}
    git = ["git", "-c", "user.name=n", "-c", "user.email=e"]
    (tmp_path / "code.py").write_text("1")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *arguments], cwd=tmp_path, check=True)
    clean = git_tags(tmp_path)
    assert clean["git.dirty"] == "false"
    assert len(clean["mlflow.source.git.commit"]) == 40
    (tmp_path / "code.py").write_text("2")
    assert git_tags(tmp_path) == {**clean, "git.dirty": "true"}


@pytest.mark.slow
def test_two_runs_may_record_the_same_data_at_the_same_moment(client):
    runs = [client.create_run("0").info.run_id for _ in range(8)]
    together = threading.Barrier(len(runs))

    def record(run_id):
        for number in range(6):
            together.wait(timeout=60)
            log_dataset(client, run_id, dataset_input("findings", f"digest {number}", "a place", "input"))

    with ThreadPoolExecutor(len(runs)) as pool:
        for done in [pool.submit(record, run_id) for run_id in runs]:
            done.result()
    assert {len(client.get_run(run_id).inputs.dataset_inputs) for run_id in runs} == {6}
