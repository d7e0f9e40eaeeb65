"""``coherent-cxr evaluate`` on real reports and on files that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from coherent_cxr.cli import main


def evaluate(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["evaluate", *map(str, arguments)])


@pytest.fixture
def files(findings: pd.DataFrame, tmp_path: Path) -> dict[str, Path]:
    own = findings[:12]
    places = {name: tmp_path / f"{name}.csv" for name in ("mine", "copy", "references")}
    references = own[["study_id", "patient_id"]].assign(findings=own["text"])
    references.to_csv(places["references"], index=False)
    others = findings["text"][12:24].tolist()
    pd.DataFrame({"id": own["study_id"], "report": others}).iloc[::-1].to_csv(places["mine"], index=False)
    references.to_csv(places["copy"], index=False)
    return places


def test_it_writes_metrics_comparisons_headline_and_a_page(files, tmp_path):
    output = tmp_path / "out" / "here"
    answer = evaluate(
        *("--generated", files["mine"], "--generated", files["copy"], "--references", files["references"]),
        *("--output", output, "--resamples", 100, "--no-meteor"),
    )
    assert answer.exit_code == 0, answer.output
    summary = json.loads((output / "metrics_summary.json").read_text())
    assert list(summary) == ["mine", "copy"]
    assert summary["copy"]["BLEU-4"] == pytest.approx(1)
    assert summary["mine"]["BLEU-4"] < 0.6
    metrics = pd.read_csv(output / "metrics.csv", keep_default_na=False)
    assert {"as_negative", "as_positive", "ignore"} <= set(metrics["uncertain"])
    assert len(pd.read_csv(output / "comparisons.csv")) > 100
    page = (output / "results_page.html").read_text()
    assert "not for clinical use" in page
    assert "counts as a patient" not in page
    assert str(output / "results_page.html") in answer.output


def test_without_patients_the_page_says_so(files, tmp_path):
    alone = pd.read_csv(files["references"]).drop(columns="patient_id")
    alone.to_csv(files["references"], index=False)
    answer = evaluate(
        *("--generated", files["copy"], "--references", files["references"]),
        *("--output", tmp_path / "out", "--resamples", 100, "--no-meteor"),
    )
    assert answer.exit_code == 0, answer.output
    assert "every study counts as a patient" in (tmp_path / "out" / "results_page.html").read_text()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("study_id,words\nS1,a\n", "has no column for the report (looked for report, findings"),
        ("study_id,report\n", "has a header but no report"),
        ("study_id,report\nS1,a\nS1,b\n", "more than one row for study 'S1'"),
        ("", "cannot be read as a CSV file"),
        ("study_id,report\nS1,a\n", "has no report for 12 of 12 studies"),
        (b"study_id,report\nS1,\xff\xfe\n", "cannot be read as a CSV file"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_in_a_sentence(files, tmp_path, content, message):
    broken = tmp_path / "broken.csv"
    broken.write_bytes(content if isinstance(content, bytes) else content.encode())
    answer = evaluate(
        "--generated", broken, "--references", files["references"], "--output", tmp_path / "out"
    )
    assert answer.exit_code == 1
    assert message in answer.output
    assert not (tmp_path / "out").exists()


def test_too_few_resamples_are_refused(files, tmp_path):
    answer = evaluate(
        "--generated",
        files["copy"],
        "--references",
        files["references"],
        "--resamples",
        3,
        "--output",
        tmp_path,
    )
    assert answer.exit_code == 1
    assert "at least 100" in answer.output
