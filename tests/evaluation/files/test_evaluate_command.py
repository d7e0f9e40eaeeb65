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


@pytest.mark.slow
def test_it_writes_metrics_comparisons_headline_and_a_page(files, tmp_path):
    output = tmp_path / "out" / "here"
    answer = evaluate(
        *("--generated", files["mine"], "--generated", files["copy"], "--references", files["references"]),
        *("--output", output, "--resamples", 100, "--no-meteor"),
    )
    assert answer.exit_code == 0, answer.output
    summary = json.loads((output / "metrics_summary.json").read_text())
    assert list(summary) == ["affirm all", "normal report", "mine", "copy"]
    assert "ATTENTION: every report of 'copy' is its reference" in answer.output
    assert summary["copy"]["BLEU-4"] == pytest.approx(1)
    assert summary["mine"]["BLEU-4"] < 0.6
    metrics = pd.read_csv(output / "metrics.csv", keep_default_na=False)
    assert {"as_negative", "as_positive", "ignore"} <= set(metrics["uncertain"])
    assert len(pd.read_csv(output / "comparisons.csv")) > 100
    page = (output / "results_page.html").read_text()
    assert "not for clinical use" in page
    assert "counts as a patient" not in page
    assert str(output / "results_page.html") in answer.output


@pytest.mark.slow
def test_both_judges_are_named_and_one_can_be_chosen(files, tmp_path):
    arguments = ("--generated", files["mine"], "--references", files["references"], "--resamples", 100)
    both = evaluate(*arguments, "--output", tmp_path / "both", "--no-meteor")
    assert both.exit_code == 0, both.output
    headings = ("judged by rule set corrected", "judged by rule set original")
    assert both.output.index(headings[0]) < both.output.index(headings[1])
    one = evaluate(*arguments, "--output", tmp_path / "one", "--no-meteor", "--rules", "original")
    assert one.exit_code == 0, one.output
    assert headings[0] not in one.output
    metrics = pd.read_csv(tmp_path / "one" / "metrics.csv", keep_default_na=False)
    assert set(metrics["rules"]) == {"", "original"}


def test_two_rule_files_of_one_name_are_refused(files, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.yml").write_text("extends: [corrected.yml]\n")
    rules = (tmp_path / "a" / "mine.yml", tmp_path / "b" / "mine.yml")
    answer = evaluate(
        *("--generated", files["mine"], "--references", files["references"], "--output", tmp_path / "out"),
        *("--rules", rules[0], "--rules", rules[1]),
    )
    assert answer.exit_code == 1
    assert "have one name (mine.yml, mine.yml)" in answer.output


@pytest.mark.slow
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
        ("study_id,words\nS1,a\n", "has no column for the generated reports (looked for generated, "),
        ("study_id,report\n", "has a header but no report"),
        ("study_id,report\nS1,a\nS1,b\n", "more than one row for study 'S1'"),
        ("", "is empty"),
        ("study_id,report\nS1,a\n", "has no report for 12 of 12 studies"),
        (b"study_id,report\nS1,\xff\xfe\n", "is not UTF-8 (line 2"),
        ("s1,Heart is normal, lungs clear\ns2,Clear.\n", "Row 2 of"),
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
    assert answer.exit_code == 2
    assert "Invalid value for '--resamples': 3 is not in the range x>=100" in answer.output


@pytest.mark.slow
def test_one_file_of_both_sides_by_several_protocols_says_what_it_left_out(findings, tmp_path):
    own = findings["text"].tolist()
    rows = [{"study_id": f"s{50 + n}", "report": own[n], "generated": own[n + 20]} for n in range(8)]
    rows[2]["report"] = "None"
    rows[3]["generated"] = None
    (tmp_path / "both.jsonl").write_text("\n".join(map(json.dumps, rows)))
    training = tmp_path / "training.csv"
    findings[40:].rename(columns={"text": "report"})[["study_id", "report"]].to_csv(training, index=False)
    answer = evaluate(
        *("--generated", f"ours={tmp_path / 'both.jsonl'}", "--output", tmp_path / "out", "--no-meteor"),
        *("--resamples", 100, "--protocol", "house", "--protocol", "r2gen", "--training", training),
    )
    assert answer.exit_code == 0, answer.output
    assert "1 of 8 studies have no reference" in answer.output
    excluded = pd.read_csv(tmp_path / "out" / "exclusions.csv")
    assert excluded["id"].tolist() == ["s52", "s53"]
    summary = json.loads((tmp_path / "out" / "metrics_summary.json").read_text())
    assert list(summary) == ["affirm all", "normal report", "random training report", "ours"]
    assert summary["ours"]["BLEU-4"] < 0.9
    assert {"BLEU-4, r2gen", "ROUGE-L, r2gen", "CIDEr-D, r2gen"} <= set(summary["ours"])


def test_cider_of_one_study_is_a_dash_with_the_reason(tmp_path):
    (tmp_path / "a.csv").write_text("study_id,reference,generated\nS1,Clear lungs.,Clear lungs.\n")
    answer = evaluate(
        *("--generated", tmp_path / "a.csv", "--output", tmp_path / "out"),
        *("--resamples", 100, "--no-meteor", "--samples", 0),
    )
    assert answer.exit_code == 0, answer.output
    assert "CIDEr-D is not defined (–): there is one study" in answer.output
    summary = json.loads((tmp_path / "out" / "metrics_summary.json").read_text())
    assert summary["a"]["CIDEr-D"] is None
    assert "CIDEr-D is not defined" in (tmp_path / "out" / "results_page.html").read_text()


def test_systems_of_the_same_name_are_refused_before_any_work(files, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "predictions.csv").write_bytes(files["mine"].read_bytes())
    given = [argument for f in ("a", "b") for argument in ("--generated", tmp_path / f / "predictions.csv")]
    answer = evaluate(*given, "--references", files["references"], "--output", tmp_path / "out")
    assert answer.exit_code == 1
    assert "Two systems would be called 'predictions'" in answer.output
    assert not (tmp_path / "out").exists()


def test_private_messages_hold_nothing_of_a_file(files, tmp_path):
    (tmp_path / "wrong.csv").write_text("Small effusion of Mr Smith,Seen\nx,y\n")
    answer = evaluate("--generated", tmp_path / "wrong.csv", "--references", files["references"], "--private")
    assert answer.exit_code == 1
    assert "it has 2 columns" in answer.output
    assert "Smith" not in answer.output


@pytest.mark.parametrize("rules", ["original", "corrected"])
@pytest.mark.slow
def test_one_finding_a_line_scores_as_the_same_report_as_prose(tmp_path, rules):
    reports = [
        ["No pneumothorax", "Right lower lobe consolidation", "Mild cardiomegaly"],
        ["No effusion", "Left pneumothorax", "The heart is normal in size"],
        ["No edema", "Small left effusion", "PICC line in place"],
    ]
    texts = {
        "prose": [". ".join(lines) + "." for lines in reports],
        "lines": ["\n".join(lines) for lines in reports],
        "bullets": ["- " + "\n- ".join(lines) for lines in reports],
        "paragraphs": ["\r\n\r\n".join(lines) for lines in reports],
    }
    for name, column in texts.items():
        table = pd.DataFrame({"study_id": ["a", "b", "c"], "report": column})
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    systems = [
        part for name in texts if name != "prose" for part in ("--generated", tmp_path / f"{name}.csv")
    ]
    answer = evaluate(
        *(*systems, "--references", tmp_path / "prose.csv", "--rules", rules),
        *("--output", tmp_path / "out", "--resamples", 100, "--no-meteor"),
    )
    assert answer.exit_code == 0, answer.output
    summary = json.loads((tmp_path / "out" / "metrics_summary.json").read_text())
    for name in ("lines", "bullets", "paragraphs"):
        assert summary[name]["BLEU-4"] == pytest.approx(1)
        assert summary[name][f"micro-14-F1 {rules}"] == pytest.approx(1)
