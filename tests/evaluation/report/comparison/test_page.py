"""Two runs in a real MLflow database become a page."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
import numpy as np
import pandas as pd
import pytest

from coherent_cxr.evaluation.report.comparison.page import CompareConfig, RecordedRun, comparison_page
from coherent_cxr.pipelines.compare.runs import RunNotFoundError, find_runs
from helpers.settings import filled

SUMMARIES = (
    {"mle": {"BLEU-4": 0.1, "macro-F1": 0.2}, "major class": {"BLEU-4": None, "macro-F1": 0.0}},
    {"mle": {"BLEU-4": 0.15, "macro-F1": 0.2}, "full": {"BLEU-4": 0.2, "macro-F1": 0.3}},
)


# 101 resamples each; exact in float32, so that intervals can be computed by hand
BEFORE = [0.25] * 101
AFTER = [0.25 + k / 1024 for k in range(1, 102)]
AROUND = [0.25 + k / 1024 for k in range(-50, 51)]
# By run: the resamples of mle's BLEU-4 and full's macro-F1, and the digest of the references.
PAIRED = {
    "before": (BEFORE, BEFORE, "here"),
    "after": (AFTER, AROUND, "here"),
    "elsewhere": (AFTER, AFTER, "elsewhere"),
}


def log_table(bleu: list[float], macro: list[float], references: str) -> None:
    parts = [
        pd.DataFrame(
            {"system": system, "metric": metric, "resample": range(101), "value": np.float32(values)}
        )
        for system, metric, values in (("mle", "BLEU-4", bleu), ("full", "macro-F1", macro))
    ]
    table = pd.concat(parts).assign(
        references=references, seed=0, uncertain="as_negative", tokenization="house"
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "headline_resamples.parquet"
        table.to_parquet(path, index=False)
        mlflow.log_artifact(str(path))


@pytest.fixture(scope="module")
def client_and_complaint(
    tmp_path_factory: pytest.TempPathFactory, new_database: Path
) -> Iterator[tuple[mlflow.MlflowClient, str]]:
    """A database with two runs with results, and what was said before there were any."""
    folder: Path = tmp_path_factory.mktemp("tracking")
    before = mlflow.get_tracking_uri()
    shutil.copy(new_database, folder / "mlflow.db")
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("test", str(folder / "artifacts")))
    with pytest.raises(RunNotFoundError) as error:
        find_runs(filled(CompareConfig), mlflow.MlflowClient())
    for name, (bleu, macro, references) in PAIRED.items():
        with mlflow.start_run(run_name=name):
            means = {"mle": {"BLEU-4": sum(bleu) / 101}, "full": {"macro-F1": sum(macro) / 101}}
            mlflow.log_dict(means, "metrics_summary.json")
            log_table(bleu, macro, references)
    with mlflow.start_run(run_name="broken"):
        mlflow.log_dict(SUMMARIES[0], "metrics_summary.json")
        mlflow.log_text("no table", "headline_resamples.parquet")
    for number, summary in enumerate(SUMMARIES):
        with mlflow.start_run(run_name=f"run {number}"):
            mlflow.log_dict(summary, "metrics_summary.json")
            mlflow.log_param("mle_training.epochs", 10 * (number + 1))
            mlflow.log_param("mle_training.seed", 0)
            mlflow.log_param("mle_training", f"filled(MleTrainingConfig, epochs={number})")
            digests = {"splits": "same", "mle_model": f"model {number}"}
            if number == 0:  # as an earlier release recorded a run
                mlflow.set_tags({f"digest.{name}": digest for name, digest in digests.items()})
                for step in range(3):
                    mlflow.log_metric("mle/validation/macro_f1", 0.1 * step, step)
                continue
            mlflow.log_dict({"inputs": {}, "digests": digests}, "data_digests.json")
            with mlflow.start_run(nested=True, run_name="mle training", tags={"training": "mle"}):
                for step in range(3):
                    mlflow.log_metric("validation/macro_f1", 0.2 * step, 147 * (step + 1))
    with mlflow.start_run(run_name="without results"):
        mlflow.log_param("x", 1)
    yield mlflow.MlflowClient(), str(error.value)
    mlflow.set_tracking_uri(before)


@pytest.fixture
def client(client_and_complaint: tuple[mlflow.MlflowClient, str]) -> mlflow.MlflowClient:
    return client_and_complaint[0]


def test_the_last_two_runs_with_results_are_taken_in_their_order(client):
    first, second = find_runs(filled(CompareConfig), client)
    assert (first.name, second.name) == ("run 0", "run 1")
    assert first.summary == SUMMARIES[0]
    assert first.histories["mle"]["value"].tolist() == pytest.approx([0, 0.1, 0.2])
    assert second.histories["mle"]["value"].tolist() == pytest.approx([0, 0.2, 0.4])
    assert [run.histories["mle"]["epoch"].tolist() for run in (first, second)] == [[0, 1, 2], [1, 2, 3]]


def test_the_page_shows_changes_parameters_and_data_that_differ(client):
    page = comparison_page(*find_runs(filled(CompareConfig), client))
    assert "not for clinical use" in page
    assert "+0.050" in page
    assert "second only" in page
    assert "mle_training.epochs" in page
    assert "mle_training.seed" not in page
    assert "MleTrainingConfig" not in page
    assert "mle_model" in page
    assert "1 of the datasets that both runs made are the same" in page
    assert "No difference in labels or splits" in page
    assert "<svg" in page


@pytest.mark.parametrize(("splits", "alarms"), [({}, False), ({"splits": "b"}, True)])
def test_what_one_run_alone_recorded_is_no_difference(splits: dict[str, str], alarms: bool) -> None:
    own = {"run_id": "1", "name": "r", "started": "", "summary": SUMMARIES[0], "commit": "", "histories": {}}
    first = RecordedRun(**own, parameters={"a.b": "1", "a.c": "2"}, digests={"splits": "a"})
    page = comparison_page(first, RecordedRun(**own, parameters={"a.c": "2"}, digests=splits))
    assert ("Labels or splits differ" in page) == alarms
    assert "1 parameters that the first run alone recorded" in page
    assert ("1 datasets that the first run alone recorded" in page) != alarms
    assert "None that both runs recorded." in page


def compare(client: mlflow.MlflowClient, first: str, second: str) -> str:
    ids = {run.info.run_name: run.info.run_id for run in client.search_runs(["1"])}
    return comparison_page(*find_runs(filled(CompareConfig, first=ids[first], second=ids[second]), client))


def cells(page: str, system: str) -> list[list[str]]:
    """Return the words in a system's cells, without tags."""
    row = page[page.index(f">{system}</span></th>") :]
    found = re.findall(r"<td[^>]*>(.*?)</td>", row[: row.index("</tr>")], re.DOTALL)
    return [re.sub(r"<[^>]+>", " ", cell).split() for cell in found]


def test_runs_on_the_same_references_are_compared_in_pairs(client):
    page = compare(client, "before", "after")
    # differences 1/1024 ... 101/1024: mean 51/1024, interval 3.5/1024 to 98.5/1024, p 2/102
    assert cells(page, "mle")[0] == ["0.300", "▲", "+0.050", "+0.003…+0.096", "p", "0.020"]
    # differences -50/1024 ... 50/1024
    assert cells(page, "full")[1] == ["0.250", "≈", "+0.000", "-0.046…+0.046", "p", "1.000"]
    assert "BLEU-4: significantly higher in the second run for mle (+0.050)." in page
    assert "macro-F1: no significant difference for full." in page
    assert "1 in 20 of the 2 differences" in page
    assert "Significance is not tested here" not in page
    assert "significantly lower in the second run for mle (-0.050)" in compare(client, "after", "before")


def test_a_run_beside_itself_differs_nowhere(client):
    page = compare(client, "after", "after")
    assert cells(page, "mle")[0] == ["0.300", "the", "same"]
    assert cells(page, "full")[1] == ["0.250", "the", "same"]
    assert "Nothing changed for mle, full." in page
    assert "significantly" not in page


def test_runs_on_other_references_get_their_own_intervals_and_no_claim(client):
    page = compare(client, "before", "elsewhere")
    assert "Significance is not tested here" in page
    assert "Their test references differ" in page
    assert cells(page, "mle")[0] == [
        *("0.300", "0.253", "–", "0.346", "first", "0.250", "0.250", "–", "0.250", "+0.050")
    ]
    for claim in ("significantly", "▲", "▼", "p-value"):
        assert claim not in page


def test_an_old_run_without_resamples_still_compares(client):
    page = compare(client, "run 0", "after")
    assert "The first run did not record the table headline_resamples." in page
    assert cells(page, "mle")[0] == ["0.300", "0.253", "–", "0.346", "first", "0.100", "+0.200"]
    assert cells(page, "full")[1] == ["0.250", "0.204", "–", "0.296", "second", "only"]
    assert "Neither run recorded the table" in compare(client, "run 0", "run 1")


def test_a_table_that_cannot_be_read_is_told_and_left_out(client, caplog):
    page = compare(client, "broken", "after")
    assert "The first run did not record the table" in page
    assert "headline_resamples.parquet of run" in caplog.text


def test_runs_are_named_by_the_beginning_of_their_ids(client):
    newest = find_runs(filled(CompareConfig), client)[1]
    same = find_runs(filled(CompareConfig, first=newest.run_id[:12], second=newest.run_id), client)
    assert [run.run_id for run in same] == [newest.run_id] * 2


def test_a_run_is_found_however_many_came_after_it(client, monkeypatch):
    monkeypatch.setattr("coherent_cxr.pipelines.compare.runs.RUNS_PER_PAGE", 2)
    oldest = client.search_runs(["1"], order_by=["attributes.start_time ASC"])[0]
    assert find_runs(filled(CompareConfig, first=oldest.info.run_id), client)[0].name == "before"


def test_a_run_that_is_not_there_is_named_with_those_that_are(client):
    with pytest.raises(RunNotFoundError, match=r"begins with 'zzz'. Runs with results: .*run 1"):
        find_runs(filled(CompareConfig, first="zzz"), client)


def test_fewer_than_two_runs_are_said_to_be_too_few(client_and_complaint):
    complaint = client_and_complaint[1]
    assert "Two runs with results are needed to compare, but 0 are recorded" in complaint
    assert "kedro run" in complaint
