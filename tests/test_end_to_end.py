"""The whole product on a tiny corpus in a temporary project: every stage, real reports, real MLflow."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.evaluation.reference_rows import AFFIRM_ALL, NORMAL, RANDOM
from coherent_cxr.reports.finding_tokens import finding_tokens_of
from helpers.commands import OURS, Running

pytestmark = pytest.mark.slow
REPOSITORY = Path(__file__).resolve().parents[1]
GENERATORS = {"mle", "nlg", "full"}
DECIDED = {"mle decided"}
# conf/test leaves the baselines that train to tests of their own; the reference rows are always there
COMPARED = {"constant", "1-nn", "medoid", "medoid of the true labels", NORMAL, RANDOM}
LABELS_ALONE = {"label classifier", AFFIRM_ALL}


@pytest.fixture(scope="module")
def make_project(
    tmp_path_factory: pytest.TempPathFactory, new_database: Path
) -> Iterator[Callable[[str], Path]]:
    here = Path.cwd()

    def make(name: str, database: Path | None = new_database) -> Path:
        folder = tmp_path_factory.mktemp(name)
        if database:
            shutil.copy(database, folder)
        for entry in ("pyproject.toml", ".telemetry"):
            shutil.copy(REPOSITORY / entry, folder)
        for entry in ("conf", "src"):
            shutil.copytree(REPOSITORY / entry, folder / entry, ignore=shutil.ignore_patterns("__pycache__"))
        os.chdir(folder)
        return folder

    yield make
    os.chdir(here)


def run(project: Path, *pipelines: str, to: list[str] | None = None, **params: Any) -> None:
    bootstrap_project(project)
    with KedroSession.create(project_path=project, env="test", runtime_params=params) as session:
        session.run(pipeline_names=list(pipelines) or None, to_outputs=to)


def results(project: Path) -> DataCatalog:
    bootstrap_project(project)
    with KedroSession.create(project_path=project, env="test") as session:
        return session.load_context().catalog  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def project(make_project: Callable[[str], Path]) -> Path:
    folder = make_project("project", None)
    run(folder)
    return folder


@pytest.fixture(scope="module")
def catalog(project: Path) -> DataCatalog:
    return results(project)


def test_every_report_is_a_row_or_an_exclusion(catalog):
    studies = catalog.load("studies")
    excluded = catalog.load("parsing_exclusions")
    assert len(studies) + len(excluded) == 3955
    findings = catalog.load("findings")
    assert set(findings["study_id"]).isdisjoint(catalog.load("findings_exclusions")["id"])
    assert len(findings) + len(catalog.load("findings_exclusions")) == len(studies)
    labels = catalog.load("chexpert_labels")
    assert labels["study_id"].tolist() == findings["study_id"].tolist()
    assert list(labels.columns)[1:] == list(OBSERVATIONS)


def test_no_patient_crosses_the_splits_and_only_training_words_are_known(catalog):
    splits = catalog.load("splits")
    assert splits.groupby("patient_id")["split"].nunique().max() == 1
    assert set(splits["split"]) == {"train", "validation", "test"}
    tokens = dict(zip(catalog.load("findings")["study_id"], catalog.load("findings")["tokens"], strict=True))
    training_words = {
        word
        for study in splits.loc[splits["split"] == "train", "study_id"]
        for sentence in tokens[study]
        for word in sentence
    }
    marks = set(finding_tokens_of([name for name in OBSERVATIONS if name != "No Finding"]))
    known = set(catalog.load("vocabulary")["tokens"][4:])
    assert known <= training_words | marks
    assert marks <= known


def test_every_system_wrote_a_report_for_every_test_study(catalog):
    generated = catalog.load("generated_reports")
    assert set(generated["system"]) == GENERATORS | DECIDED | COMPARED
    studies = generated.groupby("system")["study_id"].apply(list)
    assert all(sorted(ids) == sorted(studies["mle"]) for ids in studies)
    splits = catalog.load("splits")
    assert set(studies["mle"]) <= set(splits.loc[splits["split"] == "test", "study_id"])
    assert generated["report"].str.len().min() > 0


def test_summary_has_the_headline_metrics_of_every_system(catalog):
    summary = catalog.load("metrics_summary")
    assert set(summary) == GENERATORS | DECIDED | COMPARED | LABELS_ALONE
    for system, numbers in summary.items():
        assert {"BLEU-4", "ROUGE-L", "CIDEr-D"} <= set(numbers)
        assert (numbers["BLEU-4"] is None) == (system in LABELS_ALONE)
        assert {"macro-F1 corrected", "macro-F1 original"} <= set(numbers)


def test_results_page_is_self_contained_and_says_what_it_is_not_for(catalog):
    page = catalog.load("results_page")
    assert "not for clinical use" in page.lower()
    assert "synthetic" in page.lower()
    assert 'src="http' not in page
    assert 'href="http' not in page.replace('href="https://arxiv.org', "")


def test_the_model_is_registered_and_writes_a_report_in_a_fresh_process(project, catalog, forks):
    registered = catalog.load("registered_model")
    assert registered["name"] == "coherent-cxr"
    image = next(iter(Path(catalog.load("radiographs")["root"]).rglob("*.png")))
    answer = Running(forks, (*OURS, "generate", str(image), "--json"), project).end()
    assert answer.code == 0, answer.errors
    report = json.loads(answer.output)
    assert report["report"]
    assert set(report["labels"]) == set(OBSERVATIONS)


def test_the_notebook_runs_on_the_project(project, catalog, monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("KEDRO_ENV", "test")
    notebook = nbformat.read(REPOSITORY / "notebooks" / "one_study.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(project)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs)


def test_the_notebook_is_stored_with_its_outputs_and_says_nothing_of_a_machine():
    text = (REPOSITORY / "notebooks" / "one_study.ipynb").read_text()
    notebook = json.loads(text)
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] for cell in code)
    assert not any(
        output["output_type"] in ("error", "stream") for cell in code for output in cell["outputs"]
    )
    assert len(text) < 700_000
    assert "/home/" not in text
    assert "/tmp/" not in text
    assert str(Path.cwd()) not in text


def test_runs_are_findable_in_mlflow(project):
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    whole = next(r for r in runs if "__default__" in {r.info.run_name, *r.data.tags.values()})
    assert whole.data.params["mle_training.batch_size"]
    assert "CIDEr-D/mle" in whole.data.metrics
    assert len(whole.data.metrics) < 60
    artifacts = {file.path for file in client.list_artifacts(whole.info.run_id)}
    assert {"data_digests.json", "headline.json"} <= artifacts
    assert whole.inputs.dataset_inputs
    trainings = {
        r.data.tags["training"] for r in runs if r.data.tags.get("mlflow.parentRunId") == whole.info.run_id
    }
    assert {"encoder", "mle", "baselines"} <= trainings


def test_a_stage_alone_reads_what_the_others_versioned(project, catalog):
    before = sorted(p.name for p in Path(catalog.get("vocabulary")._filepath).iterdir())
    run(project, "vocabulary_building")
    after = sorted(p.name for p in Path(catalog.get("vocabulary")._filepath).iterdir())
    assert len(after) == len(before) + 1
    assert set(before) < set(after)


ANOTHER = """
polite:
  rl_fine_tuning:
    <<: *shared
    system: polite
    rewards:
      f_beta: {weight: 1.0, baseline: greedy, settings: {beta: 2.0}}
"""


def test_again_all_is_the_same_side_by_side_and_another_system_is_a_change_of_yaml(make_project, catalog):
    again = make_project("again")
    with (again / "conf" / "base" / "rl_fine_tuning" / "parameters.yml").open("a") as base:
        base.write(ANOTHER)
    settings = again / "conf" / "test" / "parameters.yml"
    before = settings.read_text()
    assert "systems: [nlg, full]\n" in before
    changed = before.replace("systems: [nlg, full]", "systems: [nlg, polite]\nmain_system: polite")
    settings.write_text(f"{changed}\npolite: *one_epoch\n")
    runtime = {"processes": 2, "threads": torch.get_num_threads()}
    run(again, to=["results_page", "validation_metrics"], runtime=runtime)
    found = results(again)
    for table in ("findings", "chexpert_labels", "encoded_reports", "label_scores", "label_calls"):
        pd.testing.assert_frame_equal(found.load(table), catalog.load(table))
    for model in ("mle_model", "nlg.rl_model"):
        both = found.load(model), catalog.load(model)
        assert both[0].digest == both[1].digest
        assert both[0].metadata == both[1].metadata
    assert set(found.load("metrics_summary")) == {"mle", "nlg", "polite"} | DECIDED | COMPARED | LABELS_ALONE
    assert "polite" in set(found.load("metrics")["system"])
    assert "Attention of “polite”" in found.load("results_page")
    assert set(found.load("validation_metrics")["systems"]) == {"mle", "nlg", "polite"}

    settings.write_text(before.replace("systems: [nlg, full]", "systems: []\nmain_system: mle"))
    run(again, "evaluation", "model_registration", to=["registered_model"])
    found = results(again)
    assert set(found.load("metrics_summary")) == {"mle"} | DECIDED | COMPARED | LABELS_ALONE
    assert found.load("registered_model")["system"] == "mle"


def test_out_of_order_the_error_names_the_artifact_and_the_stage_that_makes_it(make_project):
    project = make_project("empty")
    with pytest.raises(Exception, match=r"(?s)mle_model.*mle_training") as error:
        run(project, "rl_fine_tuning")
    message: Any = str(error.value)
    assert "image_store" in message
    assert "image_preparation" in message
