"""``coherent-cxr generate`` prints a report, or one sentence that says why not."""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
from pathlib import Path

import click
import kedro.logging
import mlflow
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.cli import cli, main
from coherent_cxr.models.training_features import TrainingFeatures
from coherent_cxr.runtime.log import RunHandler
from coherent_cxr.serving.generator import ReportWriter
from helpers.commands import OURS, Running
from helpers.study_files import write_dicom, write_png
from helpers.tiny_bundle import make_bundle


@pytest.fixture(autouse=True)
def _keep_tracking_uri():
    before = mlflow.get_tracking_uri()
    yield
    mlflow.set_tracking_uri(before)


def generate(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["generate", *map(str, arguments)])


def test_the_champion_writes_the_report_that_the_library_writes(image, registry):
    answer = generate(image, "--tracking-uri", registry)
    assert answer.exit_code == 0, answer.output
    report = ReportWriter(make_bundle()).write(image)
    assert report.text in answer.output
    assert "not for clinical use" in answer.output
    assert "Labels of this text, by rule set corrected." in answer.output
    assert "(system 'full', taught by rule set not recorded)" in answer.output
    for name, label in report.labels.items():
        assert (name in answer.output) == (label is not None)


def test_json_holds_the_report_and_all_labels(image, registry):
    answer = json.loads(generate(image, "--tracking-uri", registry, "--json").output)
    assert answer["report"]
    assert list(answer["labels"]) == list(OBSERVATIONS)
    assert answer["system"] == "full"
    assert (answer["label_rules"], answer["taught_by_rules"]) == ("corrected", "not recorded")
    assert "not for clinical use" in answer["notice"]


@pytest.mark.slow
def test_what_is_logged_meanwhile_is_no_part_of_the_json(project, image, registry, forks):
    slice_of_ct = dcmread(get_testdata_file("CT_small.dcm"))
    slice_of_ct.Modality = "CR"  # else it gets no report
    slice_of_ct.save_as(image)
    command = (*OURS, "generate", str(image), "--json", "--tracking-uri", registry)
    answer = Running(forks, command, project).end()
    assert answer.code == 0, answer.errors
    assert json.loads(answer.output)["model"] == "models:/coherent-cxr@champion"


@pytest.mark.parametrize("group", [main, cli])
@pytest.mark.parametrize("kind", [kedro.logging.RichHandler, lambda: RunHandler(errors=False)])
def test_a_command_logs_to_standard_error(group, kind, capfd):
    handler = kind()
    logging.getLogger().addHandler(handler)
    try:
        group.get_command(click.Context(group), "generate")
        logging.getLogger("anything").error("told")
    finally:
        logging.getLogger().removeHandler(handler)
    said = capfd.readouterr()
    assert "told" in said.err
    assert "told" not in said.out


def test_the_projects_database_is_found_from_a_folder_inside_it(project, image, registry, monkeypatch):
    original = Path(registry.removeprefix("sqlite:///"))
    shutil.copy(original, project / "mlflow.db")
    shutil.copytree(original.parent / "mlartifacts", project / "mlartifacts")
    before = sorted(original.parent.rglob("*"))
    inside = project / "notebooks"
    inside.mkdir()
    monkeypatch.chdir(inside)
    answer = generate(image, "--json")
    assert answer.exit_code == 0, answer.output
    assert not (inside / "mlflow.db").exists()
    assert sorted(original.parent.rglob("*")) == before  # MLflow would leave a file in what it reads
    shutil.rmtree(project / "mlartifacts")
    assert "cannot be fetched" in generate(image, "--json").output  # and not from the original


def test_a_folder_serves_without_any_registry(image, tmp_path: Path):
    make_bundle(system="mle").save(tmp_path / "bundle")
    answer = generate(image, "--model", tmp_path / "bundle", "--json")
    assert json.loads(answer.output)["system"] == "mle"


def test_attention_is_saved_as_a_picture(image, tmp_path: Path):
    make_bundle().save(tmp_path / "bundle")
    answer = generate(image, "--model", tmp_path / "bundle", "--attention", tmp_path / "attention.png")
    assert answer.exit_code == 0, answer.output
    with Image.open(tmp_path / "attention.png") as picture:
        assert min(picture.size) > 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.png"], "There is no image file absent.png"),
        (["pyproject.toml"], "neither a PNG, a JPEG nor a DICOM"),
        (["{image}", "--model", "nowhere"], "no model bundle 'nowhere'"),
        (["{image}", "--model", "nowhere"], "The option --model names another."),
        (["{image}"], "There is no tracking database"),
        (
            ["{image}", "--tracking-uri", "{registry}", "--model", "models:/coherent-cxr@best"],
            "cannot be fetched",
        ),
        (
            ["{image}", "--tracking-uri", "{registry}", "--model", "models:/coherent-cxr/9"],
            "cannot be fetched",
        ),
        (
            ["{image}", "--model", "{bundle}", "--attention", "no/such/folder.png"],
            "Name another place with --attention.",
        ),
        (["{image}", "--model", "{bundle}", "--attention", "picture.doc"], "must end in .png, .svg, .pdf"),
        (["{image}", "--model", "nowhere", "--attention", "no/way.png"], "there is no folder"),
    ],
)
def test_what_cannot_work_is_one_sentence(image, registry, tmp_path, arguments, message):
    make_bundle().save(tmp_path / "bundle")
    places = {"{image}": str(image), "{registry}": registry, "{bundle}": str(tmp_path / "bundle")}
    answer = generate(*(places.get(argument, argument) for argument in arguments))
    assert answer.exit_code == 1
    assert message in answer.output
    assert "Traceback" not in answer.output


def test_outside_a_project_the_remedy_is_named(image, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "lies in no Coherent CXR project" in generate(image).output


def test_warnings_stand_above_the_report_and_in_json(image, tmp_path: Path):
    bundle = make_bundle()
    near = np.random.default_rng(0).normal(size=(40, 64)).astype(np.float32) * 1e-3
    known = dataclasses.replace(bundle, training_features=TrainingFeatures.fit(near[:30], near[30:]))
    known.save(tmp_path / "bundle")
    answer = generate(image, "--model", tmp_path / "bundle")
    assert answer.exit_code == 0, answer.output
    assert answer.output.startswith("Warning: The image is unlike those that this model was trained on")
    told = json.loads(generate(image, "--model", tmp_path / "bundle", "--json").output)
    assert [(note["code"], note["level"]) for note in told["notes"]] == [("unlike_training", "warning")]
    make_bundle().save(tmp_path / "other")
    assert "Note: The model does not say" in generate(image, "--model", tmp_path / "other").output


def test_a_black_image_is_refused(image, registry):
    Image.new("L", (90, 70), 0).save(image)
    answer = generate(image, "--tracking-uri", registry)
    assert answer.exit_code == 1
    assert "shows nothing" in answer.output


def test_a_damaged_bundle_writes_no_report(image, tmp_path: Path):
    make_bundle().save(tmp_path / "bundle")
    vocabulary = tmp_path / "bundle" / "vocabulary.json"
    vocabulary.write_text(vocabulary.read_text().replace('"clear", "effusion"', '"effusion", "clear"'))
    answer = generate(image, "--model", tmp_path / "bundle")
    assert answer.exit_code == 1
    assert "'vocabulary.json' is not the file that was saved" in answer.output
    assert "Traceback" not in answer.output


def test_a_models_own_words_cannot_drive_the_terminal(image, tmp_path: Path):
    make_bundle(system="\x1b[2J\u202efull").save(tmp_path / "bundle")
    answer = generate(image, "--model", tmp_path / "bundle")
    assert answer.exit_code == 0, answer.output
    assert "\x1b" not in answer.output
    assert "\\x1b[2J\\u202efull" in answer.output


@pytest.fixture(scope="module")
def bundle_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "bundle"
    make_bundle(encoder="small_cnn").save(folder)
    return folder


def test_a_folder_becomes_a_table_and_what_fails_becomes_a_row(bundle_folder, tmp_path: Path):
    studies = tmp_path / "studies"
    write_dicom(studies / "a" / "1.dcm", "1.2.1", 1)
    write_dicom(studies / "b" / "2.dcm", "1.2.1", 2)
    write_png(studies / "c.png", 3)
    Image.new("L", (90, 70), 0).save(studies / "black.png")
    (studies / "readme.txt").write_text("no image")
    output = tmp_path / "reports.csv"
    answer = generate(studies, "--model", bundle_folder, "--output", output)
    assert answer.exit_code == 1, answer.output
    assert "2 reports" in answer.output
    assert "1 without a report, 1 file that is no image:" in answer.output
    assert "not for clinical use" in answer.output
    table = pd.read_csv(output)
    assert list(table["study_id"]) == ["c.png", "1.2.1"]
    assert not table["report"].isna().any()
    excluded = pd.read_csv(tmp_path / "reports_exclusions.csv")
    assert list(zip(excluded["id"], excluded["reason"], strict=True)) == [
        ("readme.txt", "not_an_image"),
        ("black.png", "constant_image"),
    ]
    assert "Doe" not in output.read_text()
    shown = generate(studies, "--model", bundle_folder, "--json")
    assert shown.exit_code == 1
    lines = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [line["study_id"] for line in lines] == ["c.png", "1.2.1"]
    assert lines[1]["report"] == table["report"][1]


def test_a_study_before_is_named_by_options(bundle_folder, tmp_path: Path):
    image, old = write_png(tmp_path / "new.png", 1), write_png(tmp_path / "old.png", 2)
    (tmp_path / "findings.txt").write_text("Small effusion.")
    prior = ("--prior", old, "--days-since-prior", "30", "--prior-report", tmp_path / "findings.txt")
    answer = generate(image, "--model", bundle_folder, "--json", *prior)
    assert answer.exit_code == 0, answer.output
    assert "prior_ignored" in [note["code"] for note in json.loads(answer.output)["notes"]]
    make_bundle(encoder="small_cnn", study_input="with_prior", prior_report=True).save(tmp_path / "bundle")
    answer = generate(image, "--model", tmp_path / "bundle", "--json", *prior)
    assert answer.exit_code == 0, answer.output
    assert not [note for note in json.loads(answer.output)["notes"] if "prior" in note["code"]]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--prior", "old.png"), "needs an image, and the days since"),
        (("--days-since-prior", "3"), "needs an image, and the days since"),
        (("--prior", "old.png", "--days-since-prior", "-3"), "days_since_prior is '-3'"),
        (("--prior", "absent.png", "--days-since-prior", "3"), "There is no image file"),
        (("--prior", "old.png", "--days-since-prior", "3", "new.png"), "there are 2. A table names"),
        (("--prior", "old.png", "--days-since-prior", "3", "--prior-report", "old.png"), "no text in UTF-8"),
    ],
)
def test_a_study_before_that_cannot_be_is_one_sentence(tmp_path: Path, monkeypatch, options, said):
    write_png(tmp_path / "image.png", 1), write_png(tmp_path / "old.png", 2), write_png(tmp_path / "new.png")
    monkeypatch.chdir(tmp_path)
    answer = generate("image.png", "--model", "nowhere", *options)
    assert answer.exit_code == 1
    assert said in answer.output
    assert "Traceback" not in answer.output


@pytest.mark.slow
def test_one_study_as_a_structured_report(bundle_folder, tmp_path: Path):
    image = write_dicom(tmp_path / "1.dcm", "1.2.1", 1)
    answer = generate(image, "--model", bundle_folder, "--output", tmp_path / "sr.dcm")
    assert answer.exit_code == 0, answer.output
    assert dcmread(tmp_path / "sr.dcm").StudyInstanceUID == "1.2.1"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "reports"], "Name a format with --format"),
        (["--output", "reports", "--format", "pdf"], "must be one of csv, parquet"),
        (["--output", "no/such/reports.csv"], "there is no folder"),
        (["--format", "csv"], "name one with --output"),
        (["{image}", "--attention", "a.png"], "--attention is for one study; there are 2."),
    ],
)
def test_an_output_that_cannot_work_stops_before_the_model_is_opened(tmp_path: Path, arguments, message):
    first, second = write_png(tmp_path / "a.png"), write_png(tmp_path / "b.png")
    given = [second if argument == "{image}" else argument for argument in arguments]
    answer = generate(first, "--model", "nowhere", *given)
    assert answer.exit_code == 1
    assert message in answer.output
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "holds no image of a study" in generate(empty, "--model", "nowhere").output
