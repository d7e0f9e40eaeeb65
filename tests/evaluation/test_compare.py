"""Two runs in a real MLflow database become a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

from coherent_cxr.evaluation.page.comparison import CompareConfig, comparison_page
from coherent_cxr.pipelines.compare.runs import RunNotFoundError, find_runs

SUMMARIES = (
    {"mle": {"BLEU-4": 0.1, "macro-F1": 0.2}, "major class": {"BLEU-4": None, "macro-F1": 0.0}},
    {"mle": {"BLEU-4": 0.15, "macro-F1": 0.2}, "full": {"BLEU-4": 0.2, "macro-F1": 0.3}},
)


@pytest.fixture(scope="module")
def client_and_complaint(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[mlflow.MlflowClient, str]]:
    """A database with two runs with results, and what was said before there were any."""
    folder: Path = tmp_path_factory.mktemp("tracking")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("test", str(folder / "artifacts")))
    with pytest.raises(RunNotFoundError) as error:
        find_runs(CompareConfig(), mlflow.MlflowClient())
    for number, summary in enumerate(SUMMARIES):
        with mlflow.start_run(run_name=f"run {number}"):
            mlflow.log_dict(summary, "metrics_summary.json")
            mlflow.log_param("mle_training.epochs", 10 * (number + 1))
            mlflow.log_param("mle_training.seed", 0)
            mlflow.log_param("mle_training", f"MleTrainingConfig(epochs={number})")
            mlflow.set_tag("digest.splits", "same")
            mlflow.set_tag("digest.mle_model", f"model {number}")
            for step in range(3):
                mlflow.log_metric("mle/validation/macro_f1", 0.1 * step, step)
    with mlflow.start_run(run_name="without results"):
        mlflow.log_param("x", 1)
    yield mlflow.MlflowClient(), str(error.value)
    mlflow.set_tracking_uri(before)


@pytest.fixture
def client(client_and_complaint: tuple[mlflow.MlflowClient, str]) -> mlflow.MlflowClient:
    return client_and_complaint[0]


def test_the_last_two_runs_with_results_are_taken_in_their_order(client):
    first, second = find_runs(CompareConfig(), client)
    assert (first.name, second.name) == ("run 0", "run 1")
    assert first.summary == SUMMARIES[0]
    assert first.histories["mle"]["value"].tolist() == pytest.approx([0, 0.1, 0.2])


def test_the_page_shows_changes_parameters_and_data_that_differ(client):
    page = comparison_page(*find_runs(CompareConfig(), client))
    assert "not for clinical use" in page
    assert "+0.050" in page
    assert "second only" in page
    assert "mle_training.epochs" in page
    assert "mle_training.seed" not in page
    assert "MleTrainingConfig" not in page
    assert "mle_model" in page
    assert "1 datasets are the same" in page
    assert "no difference in labels or splits" in page
    assert "<svg" in page


def test_runs_are_named_by_the_beginning_of_their_ids(client):
    newest = find_runs(CompareConfig(), client)[1]
    same = find_runs(CompareConfig(first=newest.run_id[:12], second=newest.run_id), client)
    assert [run.run_id for run in same] == [newest.run_id] * 2


def test_a_run_that_is_not_there_is_named_with_those_that_are(client):
    with pytest.raises(RunNotFoundError, match=r"begins with 'zzz'. Runs with results: .*run 1"):
        find_runs(CompareConfig(first="zzz"), client)


def test_fewer_than_two_runs_are_said_to_be_too_few(client_and_complaint):
    complaint = client_and_complaint[1]
    assert "Two runs with results are needed to compare, but 0 are recorded" in complaint
    assert "kedro run" in complaint
