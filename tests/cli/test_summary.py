"""``coherent-cxr summary`` prints the last run's table and the commands that show the rest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from coherent_cxr.cli import main
from coherent_cxr.cli.summary import table, tables

REPOSITORY = Path(__file__).resolve().parents[2]

RESULTS = {"constant": {"BLEU-4": 0.174, "macro-F1": 0.05}, "full": {"BLEU-4": 0.1856, "macro-F1": 0.2071}}


def summary(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["summary", *arguments])


def test_the_table_lines_up_and_a_missing_number_is_a_dash():
    rows = table({"mle": {"BLEU-4": 0.5}, "longer name": {"BLEU-4": 1.0, "reports": 12}}).splitlines()
    assert rows == [
        "system       BLEU-4  reports",
        "mle           0.500        -",
        "longer name   1.000       12",
    ]


def test_each_judge_has_a_table_of_its_own():
    numbers = {"BLEU-4": 0.5, "macro-F1 corrected": 0.25, "macro-F1 original": 0.75}
    assert tables({"mle": numbers, "major class": {**numbers, "BLEU-4": None}}).splitlines() == [
        "system       BLEU-4",
        "mle           0.500",
        "major class       -",
        "",
        "Findings, judged by rule set corrected",
        "system       macro-F1",
        "mle             0.250",
        "major class     0.250",
        "",
        "Findings, judged by rule set original",
        "system       macro-F1",
        "mle             0.750",
        "major class     0.750",
    ]


def test_the_newest_results_are_shown_with_the_commands(project, image, write_version):
    reporting = project / "data" / "08_reporting"
    write_version(reporting, "metrics_summary.json", {"old": {"BLEU-4": 0.9}}, "2026-01-01T00.00.00.000Z")
    write_version(reporting, "metrics_summary.json", RESULTS)
    write_version(reporting, "results_page.html", "<html></html>")
    manifest = {"root": str(image.parent), "drawn": True, "notice": "drawn"}
    write_version(project / "data" / "01_raw", "radiographs.json", manifest)
    answer = summary()
    assert answer.exit_code == 0, answer.output
    assert "full       0.186     0.207\n" in answer.output
    assert "old" not in answer.output
    assert "synthetic phantoms, not radiographs" in answer.output
    assert "data/08_reporting/results_page.html/2026-02-01T00.00.00.000Z/results_page.html" in answer.output
    assert "kedro viz run\n" in answer.output
    assert "mlflow ui --backend-store-uri sqlite:///mlflow.db\n" in answer.output
    assert "coherent-cxr generate data/01_raw/phantoms/CXR1.png\n" in answer.output


def test_the_image_to_try_is_of_a_test_study(project, image, write_version):
    write_version(project / "data" / "08_reporting", "metrics_summary.json", RESULTS)
    shutil.copy(image, image.with_name("CXR2.png"))
    manifest = {"root": str(image.parent), "drawn": True, "notice": "drawn"}
    write_version(project / "data" / "01_raw", "radiographs.json", manifest)
    tables = {
        "04_feature/splits": {"study_id": ["S1", "S2"], "split": ["train", "test"]},
        "02_intermediate/images": {"study_id": ["S1", "S2"], "image_id": ["CXR1", "CXR2"]},
    }
    for name, columns in tables.items():
        path = (
            project
            / "data"
            / f"{name}.parquet"
            / "2026-02-01T00.00.00.000Z"
            / f"{name.split('/')[1]}.parquet"
        )
        path.parent.mkdir(parents=True)
        pd.DataFrame(columns).to_parquet(path)
    assert "coherent-cxr generate data/01_raw/phantoms/CXR2.png\n" in summary().output


def test_commands_of_an_environment_name_it_and_use_its_data(project, write_version):
    write_version(project / "data" / "test" / "08_reporting", "metrics_summary.json", RESULTS)
    answer = summary("--env", "test")
    assert answer.exit_code == 0, answer.output
    assert "kedro viz run --env test\n" in answer.output
    assert "synthetic" not in answer.output


def test_a_newer_version_cut_short_is_passed_over(project, write_version):
    reporting = project / "data" / "08_reporting"
    write_version(reporting, "metrics_summary.json", RESULTS, "2026-01-01T00.00.00.000Z")
    write_version(reporting, "metrics_summary.json", '{"full": {"BLEU', "2026-02-01T00.00.00.000Z")
    (reporting / "metrics_summary.json" / "2026-03-01T00.00.00.000Z").mkdir()
    write_version(reporting, "results_page.html", "")
    answer = summary()
    assert answer.exit_code == 0, answer.output
    assert "results of 2026-01-01" in answer.output
    assert "full       0.186     0.207\n" in answer.output
    assert answer.stderr.count("is incomplete and is passed over") == 2
    assert "results page" not in answer.output


def test_a_password_of_the_tracking_server_is_not_shown(project, write_version):
    write_version(project / "data" / "08_reporting", "metrics_summary.json", RESULTS)
    (project / "conf" / "local").mkdir()
    server = {"server": {"mlflow_tracking_uri": "https://reader:hidden@mlflow.example.org"}}
    (project / "conf" / "local" / "mlflow.yml").write_text(json.dumps(server))
    answer = summary()
    assert "--backend-store-uri https://reader:***@mlflow.example.org" in answer.output
    assert "hidden" not in answer.output


def test_before_any_run_the_command_to_run_is_named(project):
    answer = summary("--env", "test")
    assert answer.exit_code == 1
    assert "run `kedro run --env test` first" in answer.output


@pytest.fixture
def production(project, monkeypatch):
    """The environment of that name, whose folders come from variables."""
    shutil.copytree(REPOSITORY / "conf" / "production", project / "conf" / "production")
    for name in ("COHERENT_CXR_DATA", "COHERENT_CXR_SHARED_DATA"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("shared", "told"),
    [
        (None, "takes 'shared' from a variable that is not set: "),
        ("s3://user:hidden@bucket/cxr", "keeps its results in 's3://user:***@bucket/cxr'"),
        ("results", "run `kedro run --env production` first"),
    ],
)
def test_results_elsewhere_are_a_sentence(production, monkeypatch, shared, told):
    if shared:
        monkeypatch.setenv("COHERENT_CXR_SHARED_DATA", shared)
    answer = summary("--env", "production")
    assert answer.exit_code == 1
    assert told in answer.output
    assert "oc.env" not in answer.output.replace("oc.env'", "")


def test_results_in_a_shared_folder_are_found(production, project, write_version, monkeypatch):
    monkeypatch.setenv("COHERENT_CXR_SHARED_DATA", "shared")
    write_version(project / "shared" / "08_reporting", "metrics_summary.json", RESULTS)
    write_version(project / "data" / "production" / "08_reporting", "results_page.html", "<html></html>")
    answer = summary("--env", "production")
    assert answer.exit_code == 0, answer.output
    assert "full       0.186     0.207\n" in answer.output
    assert "results page          data/production/08_reporting" in answer.output


def test_an_unknown_environment_is_named(project):
    answer = summary("--env", "tset")
    assert answer.exit_code == 1
    assert "no environment 'tset'" in answer.output
    assert "Did you mean 'test'?" in answer.output


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("globals.yml", "- data\n", "must be a mapping of names"),
        ("globals.yml", "data: 5\n", "names no folder as 'data'"),
        ("globals.yml", "data: [\n", "is not valid YAML"),
        ("globals.yml", "", "names no folder as 'data'"),
        ("mlflow.yml", "- server\n", "must be a mapping of names"),
        ("mlflow.yml", "server: 5\n", "names no server.mlflow_tracking_uri"),
        ("mlflow.yml", "\0", "is not valid YAML"),
    ],
)
def test_settings_of_another_shape_are_a_sentence(project, image, write_version, name, text, told):
    (project / "conf" / "base" / name).write_text(text)
    (project / "conf" / "local").mkdir()
    if name == "mlflow.yml":
        write_version(project / "data" / "08_reporting", "metrics_summary.json", RESULTS)
    answer = summary()
    assert answer.exit_code == 1
    assert told in answer.output
    assert "Traceback" not in answer.output
