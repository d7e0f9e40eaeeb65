"""A stage that runs out of order names what is missing and which command makes it."""

from pathlib import Path

import pytest
from kedro.pipeline import Node, Pipeline

from coherent_cxr.hooks.missing_artifacts import missing_artifacts_message
from coherent_cxr.stopped import RunStoppedError


def test_all_missing_inputs_are_named_with_the_stages_that_make_them(run, project):
    with pytest.raises(RunStoppedError) as stopped:
        run("drawing")
    assert str(stopped.value).splitlines() == [
        "'table' does not exist yet; run `kedro run --pipelines reading` first.",
        "'training_history' does not exist yet; run `kedro run --pipelines training` first.",
    ]
    assert not (project / "data").exists()


def test_the_environment_stands_in_the_command(run):
    with pytest.raises(RunStoppedError, match=r"kedro run --env other --pipelines reading"):
        run("training", env="other")


def test_no_mlflow_run_is_opened_for_a_run_that_cannot_start(run, client):
    with pytest.raises(RunStoppedError):
        run("drawing")
    experiment = client.get_experiment_by_name("coherent-cxr")
    assert client.search_runs([experiment.experiment_id]) == []


@pytest.mark.slow
def test_inputs_that_earlier_runs_versioned_are_found(run, project):
    run("reading")
    run("training")
    assert run("drawing")["count"].load() == 3


@pytest.mark.slow
def test_with_only_missing_outputs_the_inputs_of_finished_nodes_are_not_needed(run, project):
    run("reading")
    run("training")
    for file in (project / "data" / "table.parquet").rglob("*.parquet"):
        file.unlink()
    run("training", only_missing_outputs=True)
    with pytest.raises(RunStoppedError, match="'table' does not exist yet"):
        run("training")


def test_an_input_that_no_stage_makes_is_said_to_be_the_users(tmp_path: Path):
    stages = {"reading": Pipeline([Node(lambda raw: raw, "raw", "table", name="read")])}
    assert missing_artifacts_message(["raw"], stages, "local") == (
        "'raw' does not exist and no pipeline makes it; put it where the catalog expects it."
    )


def test_what_one_stage_makes_is_one_sentence():
    stages = {"reading": Pipeline([Node(lambda raw: (raw, raw), "raw", ["b", "a"], name="read")])}
    assert missing_artifacts_message(["b", "a"], stages, "test") == (
        "'a', 'b' do not exist yet; run `kedro run --env test --pipelines reading` first."
    )


def test_a_wrong_parameter_stops_the_run_with_one_sentence(run, project):
    with pytest.raises(RunStoppedError) as stopped:
        run("reading", params={"reading": {"steps": -1}})
    assert "'training.steps' is -1; it must be a positive whole number" in str(stopped.value)
    assert not (project / "data").exists()


def test_an_unknown_parameter_is_answered_with_the_nearest(run):
    with pytest.raises(RunStoppedError, match=r"has no setting 'step'.*Did you mean 'steps'"):
        run("reading", params={"reading": {"step": 2}})
