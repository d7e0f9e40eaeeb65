"""A fabricated MIMIC-CXR goes from PhysioNet's files to training-ready tables; its words stay there."""

import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
from click.testing import CliRunner
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog

from coherent_cxr.cli import main
from coherent_cxr.corpora.mimic_cxr.fabrication import (
    FabricatedStudy,
    MimicFabricationConfig,
    fabricate_mimic_cxr,
)
from coherent_cxr.images.phantom import draw_phantom
from helpers.settings import filled

pytestmark = pytest.mark.slow
REPOSITORY = Path(__file__).resolve().parents[2]
STAGES = [
    "report_parsing",
    "findings_extraction",
    "chexpert_labelling",
    "vocabulary_building",
    "fabrication",
    "image_preparation",
    "label_comparison",
    "quality_report",
]


class Finished(NamedTuple):
    project: Path
    studies: list[FabricatedStudy]
    catalog: DataCatalog
    log: str


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, new_database: Path) -> Iterator[Finished]:
    project = tmp_path_factory.mktemp("mimic")
    shutil.copy(new_database, project)
    for entry in ("pyproject.toml", ".telemetry"):
        shutil.copy(REPOSITORY / entry, project)
    for entry in ("conf", "src"):
        shutil.copytree(REPOSITORY / entry, project / entry, ignore=shutil.ignore_patterns("__pycache__"))
    root = project / "physionet"
    config = filled(MimicFabricationConfig, folder=str(root), patients=30)
    studies = fabricate_mimic_cxr(config, lambda *told: draw_phantom(*told, size=128))
    handler = logging.FileHandler(project / "run.log")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        patch.setenv("MIMIC_CXR_ROOT", str(root))
        bootstrap_project(project)
        logging.getLogger().addHandler(handler)
        with KedroSession.create(project_path=project, env="mimic_cxr") as session:
            session.run(pipeline_names=STAGES)
            logging.getLogger("anyone").error("bad row: %s", " ".join(studies[0].findings))
            catalog = session.load_context().catalog  # type: ignore[attr-defined]
            yield Finished(project, studies, catalog, (project / "run.log").read_text())
        logging.getLogger().removeHandler(handler)


def test_every_report_and_image_is_accounted_for(finished: Finished) -> None:
    studies, findings = finished.catalog.load("studies"), finished.catalog.load("findings")
    assert studies["study_id"].tolist() == [study.study_id for study in finished.studies]
    with_findings = [study for study in finished.studies if study.findings]
    assert findings["study_id"].tolist() == [study.study_id for study in with_findings]
    exclusions = finished.catalog.load("findings_exclusions")
    assert len(findings) + len(exclusions) == len(studies)
    images, store = finished.catalog.load("images"), finished.catalog.load("image_store")
    left_out = finished.catalog.load("image_exclusions")
    assert len(store) + (~left_out["reason"].isin(["study_without_image"])).sum() == len(images)


def test_the_official_split_is_kept_and_patients_never_cross(finished: Finished) -> None:
    splits = finished.catalog.load("splits")
    official = {study.study_id: study.split.replace("validate", "validation") for study in finished.studies}
    assert dict(zip(splits["study_id"], splits["split"], strict=True)).items() <= official.items()
    assert set(splits["split"]) == {"train", "validation", "test"}
    assert splits.groupby("patient_id")["split"].nunique().max() == 1


def test_repeats_of_other_contrast_are_dropped(finished: Finished) -> None:
    left_out = finished.catalog.load("image_exclusions").set_index("id")["reason"]
    store = finished.catalog.load("image_store").index
    assert store["study_id"].is_unique
    assert set(store["view"]) == {"frontal"}
    assert {"beyond_image_limit", "view_not_selected", "study_without_findings"} <= set(left_out)


def test_our_labels_agree_with_the_shipped_ones(finished: Finished) -> None:
    both = finished.catalog.load("shipped_label_agreement")
    assert both["rules"].tolist() == ["corrected"] * 14 + ["original"] * 14
    table = both[both["rules"] == "original"].set_index("observation")
    assert (table["studies"] == sum(bool(study.findings) for study in finished.studies)).all()
    said = table[table["positive_shipped"] > 0]
    assert (
        said.loc[["Cardiomegaly", "Pleural Effusion", "Pneumothorax", "Fracture"], "positive_f1"].min() > 0.9
    )


def test_the_quality_report_counts_and_finds_no_leak(finished: Finished) -> None:
    counts = finished.catalog.load("quality_counts")
    kept = counts[counts["outcome"] == "kept"].set_index("stage")["count"]
    assert kept["report_parsing"] == len(finished.studies)
    leaks = finished.catalog.load("quality_leaks").set_index("check")
    assert set(leaks.loc["patient", "verdict"]) == set(leaks.loc["image", "verdict"]) == {"none"}
    page = finished.catalog.load("quality_page")
    for heading in ("What went in and out", "Leaks between the splits", "Sections", "Labels"):
        assert f"<h2>{heading}</h2>" in page
    assert "<script" not in page


def test_no_words_of_a_report_reach_logs_tracking_or_pages(finished: Finished) -> None:
    runs = {
        " ".join(words[start : start + 6])
        for study in finished.studies
        for words in [re.findall(r"\w+", " ".join(study.findings).lower())]
        for start in range(len(words) - 5)
    }
    assert len(runs) > 100
    assert "bad row: [report text removed]" in finished.log
    places = [
        path
        for place in ("run.log", "mlflow.db", "mlartifacts", "mlruns", "data/mimic_cxr/08_reporting")
        for path in [finished.project / place, *(finished.project / place).rglob("*")]
        if path.is_file()
    ]
    assert {"run.log", "mlflow.db"} <= {path.name for path in places}
    sent = {path.name for path in places if "mlartifacts" in path.parts}
    assert sent <= {"data_digests.json"}  # the quality page stayed at home
    for path in places:
        words = " ".join(re.findall(r"\w+", path.read_bytes().decode("utf-8", errors="ignore").lower()))
        assert not [run for run in runs if run in words], path


def test_check_data_finds_everything_and_says_what_is_missing(finished: Finished) -> None:
    answer = CliRunner().invoke(main, ["check-data", "--env", "mimic_cxr"])
    assert answer.exit_code == 0, answer.output
    assert f"{len(finished.studies):,} reports, about" in answer.output
    assert "GB are free" in answer.output
    moved = finished.project / "physionet" / "cxr-study-list.csv.gz"
    moved.rename(moved.with_suffix(".away"))
    answer = CliRunner().invoke(main, ["check-data", "--env", "mimic_cxr"])
    moved.with_suffix(".away").rename(moved)
    assert answer.exit_code == 1
    assert "missing  list of studies: cxr-study-list.csv.gz is not there" in answer.output
    assert "https://physionet.org/content/mimic-cxr/" in answer.output


def test_check_data_on_other_environments(finished: Finished) -> None:
    assert CliRunner().invoke(main, ["check-data"]).exit_code == 0
    answer = CliRunner().invoke(main, ["check-data", "--env", "openi"])
    assert answer.exit_code == 1
    assert "download_openi" in answer.output
    assert CliRunner().invoke(main, ["check-data", "--env", "nowhere"]).exit_code == 2


def test_the_fabricating_stage_writes_a_publication(finished: Finished) -> None:
    folder = finished.project / "made"
    with KedroSession.create(
        project_path=finished.project,
        env="base",
        runtime_params={"mimic_fabrication": {"patients": 2, "folder": str(folder)}},
    ) as session:
        session.run(pipeline_names=["mimic_fabrication"])
        made = session.load_context().catalog.load("fabricated_mimic_cxr")  # type: ignore[attr-defined]
    assert made["notice"].startswith("Fabricated, not MIMIC-CXR.")
    assert len(list(folder.rglob("*.jpg"))) == made["images"]
    assert len(pd.read_csv(folder / "cxr-study-list.csv.gz")) == made["studies"]
    assert made["root"] == str(folder)
