"""Runs on MIMIC-CXR: lineage is complete although tables are cut, and no text is in what they print."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import mlflow
import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from mlflow.entities import Run

from coherent_cxr.corpora.mimic_cxr.fabrication import MimicFabricationConfig, fabricate_mimic_cxr
from coherent_cxr.hooks import HOOKS
from coherent_cxr.hooks.pieces import PiecesHook
from coherent_cxr.images.phantom import draw_phantom
from helpers.commands import KEDRO, Running
from helpers.forks import Forks
from helpers.settings import filled

REPOSITORY = Path(__file__).resolve().parents[2]
STAGES = ["report_parsing", "findings_extraction", "chexpert_labelling", "vocabulary_building"]

# A stage of a user's own that stumbles over a report.
STUMBLING = """
import zipfile
from functools import partial

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pieces.mapping import map_by_study


def stumble_over_table(config, findings):
    try:
        float(max(findings["text"], key=len))
    except ValueError as error:
        raise KeyError(f"no number in {findings.to_dict()}") from error


def stumble_over_file(config):
    with zipfile.ZipFile("physionet/mimic-cxr-reports.zip") as archive:
        texts = [archive.read(name).decode() for name in archive.namelist()]
    raise ValueError(f"odd report: {texts}")


def stumble_over_pieces(config, findings):
    findings.rows = 7
    return map_by_study(partial(stumble_over_table, config), findings=findings)


def create_pipeline():
    inputs = ["params:chexpert_labelling", "findings"]
    outputs = ["chexpert_labels", "sentence_labels", "chexpert_mentions"]
    return Pipeline([Node(stumble_over_table, inputs, outputs, name="label_findings")])


def create_pieces_pipeline():
    inputs = ["params:chexpert_labelling", "findings"]
    outputs = ["chexpert_labels", "sentence_labels", "chexpert_mentions"]
    return Pipeline([Node(stumble_over_pieces, inputs, outputs, name="label_findings", tags="pieces")])


def create_reading_pipeline():
    return Pipeline([Node(stumble_over_file, "params:report_parsing", "studies", name="stumble")])
"""


class Project(NamedTuple):
    folder: Path
    texts: list[str]
    forks: Forks

    def recorded(self, rows: int) -> Run:
        """Run the tabular stages in pieces of so many rows and return what MLflow knows of it."""
        with pytest.MonkeyPatch.context() as patch:
            hook = next(one for one in HOOKS if isinstance(one, PiecesHook))
            patch.setattr(hook, "_rows", rows)
            with KedroSession.create(project_path=self.folder, env="mimic_cxr") as session:
                session.run(pipeline_names=STAGES)
        client = mlflow.MlflowClient(f"sqlite:///{self.folder / 'mlflow.db'}")
        experiment = client.get_experiment_by_name("coherent-cxr")
        return client.search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"])[0]

    def digests(self, run: Run) -> dict[str, str]:
        """Return what MLflow knows of the bytes of a run's data."""
        client = mlflow.MlflowClient(f"sqlite:///{self.folder / 'mlflow.db'}")
        record = client.download_artifacts(run.info.run_id, "data_digests.json")
        digests: dict[str, str] = json.loads(Path(record).read_text())["digests"]
        return digests

    def printed(self, *arguments: str) -> str:
        """Run a command that must fail and return all that it prints."""
        variables = {"PYTHONPATH": str(self.folder / "src"), "COLUMNS": "4000"}
        answer = Running(self.forks, (*KEDRO, "run", *arguments), self.folder, **variables).end()
        assert answer.code in (1, 2)  # 2 where a sentence says it all
        return answer.output + answer.errors

    def quoted(self, printed: str) -> list[str]:
        """Return the runs of six words of reports that stand in what was printed."""
        words = " ".join(re.findall(r"\w+", printed.lower()))
        runs = {
            " ".join(report[start : start + 6])
            for text in self.texts
            for report in [re.findall(r"\w+", text.lower())]
            for start in range(len(report) - 5)
        }
        assert len(runs) > 100
        return [run for run in runs if run in words]


def shows_line(printed: str, code: str) -> bool:
    """Tell whether a traceback names the file and line of some code, in Python's or in rich's way."""
    line = STUMBLING[: STUMBLING.index(code)].count("\n") + 1
    return re.search(rf'stumbles\.py(", line |:){line}\b', printed) is not None


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, forks: Forks, new_database: Path) -> Project:
    folder = tmp_path_factory.mktemp("mimic_runs")
    shutil.copy(new_database, folder)
    for entry in ("pyproject.toml", ".telemetry"):
        shutil.copy(REPOSITORY / entry, folder)
    for entry in ("conf", "src"):
        shutil.copytree(REPOSITORY / entry, folder / entry, ignore=shutil.ignore_patterns("__pycache__"))
    package = folder / "src" / "coherent_cxr"
    for stage in (package / "pipelines").iterdir():
        if stage.is_dir() and stage.name not in STAGES:  # commands start sooner without
            shutil.rmtree(stage)
    creators = {
        "stumbling": "create_pipeline",
        "stumbling_in_pieces": "create_pieces_pipeline",
        "reading": "create_reading_pipeline",
    }
    for name, creator in creators.items():
        (package / "pipelines" / name).mkdir()
        initial = f"from coherent_cxr.pipelines.stumbles import {creator} as create_pipeline\n"
        (package / "pipelines" / name / "__init__.py").write_text(initial)
    (package / "pipelines" / "stumbles.py").write_text(STUMBLING)
    registry = package / "pipeline_registry.py"
    registry.write_text(
        registry.read_text().replace(
            "EXTRA_STAGES = (", 'EXTRA_STAGES = ("stumbling", "stumbling_in_pieces", "reading", '
        )
    )
    config = filled(MimicFabricationConfig, folder=str(folder / "physionet"), patients=30, images=False)
    studies = fabricate_mimic_cxr(config, lambda *told: draw_phantom(*told, size=16))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MIMIC_CXR_ROOT", str(folder / "physionet"))
        patch.setenv("DO_NOT_TRACK", "true")
        bootstrap_project(folder)
        yield Project(folder, [" ".join(study.findings) for study in studies], forks)


@pytest.fixture(scope="module")
def held(project: Project) -> Run:
    return project.recorded(rows=10_000)


@pytest.mark.slow
def test_lineage_of_tables_that_were_cut_is_complete(project: Project, held: Run) -> None:
    cut = project.recorded(rows=20)
    assert cut.info.status == "FINISHED"
    assert cut.info.run_id != held.info.run_id
    assert cut.data.params == held.data.params
    assert cut.data.tags.keys() == held.data.tags.keys()
    digests = project.digests(cut)
    assert {"studies", "findings", "sentence_labels", "encoded_reports", "vocabulary"} <= digests.keys()
    for name, digest in digests.items():
        (dataset,) = (
            path for path in (project.folder / "data").rglob(f"*/{name}.*") if path.parent.suffix == ""
        )
        newest = max(dataset.rglob(dataset.name))
        assert hashlib.sha256(newest.read_bytes()).hexdigest() == digest, name
    for small in ("vocabulary", "splits", "split_overview", "finding_occurrences"):
        assert digests[small] == project.digests(held)[small]


@pytest.mark.parametrize("pipeline", ["stumbling", "stumbling_in_pieces"])
@pytest.mark.slow
def test_what_a_node_raises_is_shown_without_the_report(project: Project, held: Run, pipeline: str) -> None:
    printed = project.printed("--env", "mimic_cxr", "--pipelines", pipeline)
    assert project.quoted(printed) == []
    assert "KeyError" in printed
    assert "no number in {" in printed
    assert "[report text removed]" in printed
    assert shows_line(printed, "raise KeyError")


@pytest.mark.slow
def test_what_is_raised_before_any_report_is_known_is_withheld(project: Project) -> None:
    printed = project.printed("--env", "mimic_cxr", "--pipelines", "reading")
    assert project.quoted(printed) == []
    assert "ValueError: [message withheld, as it may quote a report]" in printed
    assert shows_line(printed, "raise ValueError")


@pytest.mark.slow
def test_other_environments_show_all(project: Project) -> None:
    assert len(project.quoted(project.printed("--pipelines", "reading"))) > 100
