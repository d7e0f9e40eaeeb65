"""Reports of many studies go to tables and documents, whole or not at all."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.images.reading.notes import Note
from coherent_cxr.serving.batch.columns import COLUMNS
from coherent_cxr.serving.batch.outputs import OUTPUTS, OutputError, file_name, format_of
from coherent_cxr.serving.batch.run import Counts, exclusions_beside, write_all
from coherent_cxr.serving.report import NOTICE, Report, SentenceFinding
from coherent_cxr.serving.study.study import Refusal
from coherent_cxr.serving.study_report import ModelIdentity, StudyImage, StudyReport

REPORT = Report(
    text="=1+1 The heart is \x00 enlarged.",
    sentences=["=1+1 The heart is \x00 enlarged."],
    labels={name: {"Cardiomegaly": 1, "Edema": -1, "Pneumothorax": 0}.get(name) for name in OBSERVATIONS},
    label_rules="corrected",
    taught_by_rules="corrected",
    notes=(Note("unlike_training", "Unlike."), Note("not_compared", "Only told.")),
    attention=[],
    image=np.zeros((8, 8), np.uint8),
    system="full",
    operating_point="balanced",
    findings={name: name == "Cardiomegaly" for name in OBSERVATIONS},
    probabilities=dict.fromkeys(OBSERVATIONS, 0.25),
    sentence_findings=(SentenceFinding("Cardiomegaly", 0.25),),
)


def told(study_id: str) -> StudyReport:
    images = (StudyImage("a.png", "frontal", "assumed"), StudyImage("b.png", "lateral", "given", "Why."))
    model = ModelIdentity("models:/coherent-cxr@champion", "3", "0" * 64)
    return StudyReport(study_id, REPORT, images, ("Edema",), (), model, "2026-11-28T00:00:00+00:00")


RESULTS = [told("S1"), Refusal("S2", "lateral_only", "=Why."), told("@S3"), Refusal("r", "not_an_image", "x")]


def written(path: Path, name: str | None = None) -> Counts:
    form = format_of(path, name, 2)
    with form.open(path) as sink:
        return write_all(iter(RESULTS), sink, exclusions_beside(path, form.is_folder(path)))


def test_a_table_of_csv_is_safe_in_a_spreadsheet_and_reads_back(tmp_path: Path) -> None:
    assert written(tmp_path / "reports.csv") == Counts(2, 1, 1)
    with (tmp_path / "reports.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(COLUMNS)
    assert [row["study_id"] for row in rows] == ["S1", "'@S3"]
    assert rows[0]["report"] == "'=1+1 The heart is \ufffd enlarged."
    assert (rows[0]["Cardiomegaly"], rows[0]["Edema"], rows[0]["Fracture"]) == ("1", "-1", "")
    assert (rows[0]["probability of Edema"], rows[0]["called Edema"]) == ("0.25", "0")
    assert (rows[0]["warnings"], rows[0]["uncertain"], rows[0]["model_version"]) == ("Unlike.", "Edema", "3")
    assert rows[0]["notice"] == NOTICE
    assert json.loads(rows[0]["images"])[1]["left_out"] == "Why."
    assert json.loads(rows[0]["sentences"])[0]["finding"] == "Cardiomegaly"
    excluded = (tmp_path / "reports_exclusions.csv").read_text()
    assert excluded == "id,reason,detail\nS2,lateral_only,'=Why.\nr,not_an_image,x\n"


def test_a_table_of_parquet_keeps_its_types(tmp_path: Path) -> None:
    written(tmp_path / "reports.parquet")
    table = pd.read_parquet(tmp_path / "reports.parquet")
    assert list(table["study_id"]) == ["S1", "@S3"]
    assert table["probability of Edema"].dtype == np.float64
    assert table["Fracture"].isna().all()
    assert (table["Edema"] == -1).all()


def test_lines_of_json_hold_what_every_door_shows(tmp_path: Path) -> None:
    written(tmp_path / "reports.jsonl")
    lines = (tmp_path / "reports.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [told("S1").as_dict(), told("@S3").as_dict()]


def test_rexrank_is_one_object_by_study(tmp_path: Path) -> None:
    written(tmp_path / "predictions.json", "rexrank")
    read = json.loads((tmp_path / "predictions.json").read_text())
    assert list(read) == ["S1", "@S3"]
    assert read["S1"]["model_prediction"].startswith("=1+1")
    with OUTPUTS["rexrank"].open(tmp_path / "none.json"):
        pass
    assert json.loads((tmp_path / "none.json").read_text()) == {}


def test_documents_go_to_a_folder_one_for_each_study(tmp_path: Path) -> None:
    written(tmp_path / "texts", "text")
    names = sorted(path.name for path in (tmp_path / "texts").iterdir())
    assert names == ["S1.txt", f"{file_name('@S3')}.txt", "exclusions.csv"]
    assert NOTICE in (tmp_path / "texts" / "S1.txt").read_text()


@pytest.mark.parametrize("study_id", ["../../x", "a/b", "..", "", "é", "a" * 300, "-rf", "con\n", "\ud800"])
def test_a_study_id_never_leads_out_of_its_folder(study_id: str) -> None:
    name = file_name(study_id)
    assert Path(name).name == name
    assert name not in ("", ".", "..")
    assert len(name) < 120


def test_different_studies_have_different_files() -> None:
    ids = ["a/b", "a_b", "a b", "a:b"]
    assert len({file_name(study_id) for study_id in ids}) == len(ids)


def test_the_name_of_a_file_or_the_option_says_the_format(tmp_path: Path) -> None:
    assert format_of(Path("r.CSV"), None, 2) is OUTPUTS["csv"]
    assert format_of(Path("r.json"), None, 1) is OUTPUTS["json"]
    assert format_of(Path("r.fhir.json"), None, 1) is OUTPUTS["fhir"]
    assert format_of(Path("r.dcm"), None, 1) is OUTPUTS["dicom-sr"]
    assert format_of(Path("r.csv"), "jsonl", 2) is OUTPUTS["jsonl"]
    with pytest.raises(OutputError, match="Name a format with --format"):
        format_of(Path("reports"), None, 2)
    with pytest.raises(OutputError, match="name a folder"):
        format_of(Path("r.dcm"), None, 2)


def test_nothing_is_left_of_a_table_that_was_not_finished(tmp_path: Path) -> None:
    def failing() -> Iterator[StudyReport]:
        yield told("S1")
        raise RuntimeError

    for name in ("r.csv", "r.parquet", "r.jsonl"):
        with pytest.raises(RuntimeError), format_of(tmp_path / name, None, 1).open(tmp_path / name) as sink:
            write_all(failing(), sink, tmp_path / "exclusions.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_study_that_a_format_cannot_hold_costs_no_other(tmp_path: Path) -> None:
    """A lone surrogate in the name of a file, as a file system may have it."""
    strange: Callable[[], StudyReport] = lambda: replace(told("\ud800"), images=())  # noqa: E731  # told apart
    for name in OUTPUTS:
        path = tmp_path / name.replace("-", "_")
        with OUTPUTS[name].open(path) as sink:
            assert write_all([strange()], sink, tmp_path / "exclusions.csv").reports == 1
