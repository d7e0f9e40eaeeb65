"""``coherent-cxr label``: formats, streams, explanations, pages, bad files, exit codes."""

import json
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.chexpert.io.page import explain_report
from coherent_cxr.cli.label import label

REPORTS = ["No effusion, but a nodule.", "", 'Possible "edema"\nof the lung.', "Heart <b>size</b> is normal."]


LABELER = CheXpertLabeler()


def run(*arguments: str | Path, standard_input: str | bytes | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(label, [str(a) for a in arguments], input=standard_input)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def reports_csv(tmp_path: Path) -> Path:
    path = tmp_path / "reports.csv"
    pd.Series(REPORTS).to_csv(path, index=False, header=False)
    return path


def test_csv_in_and_out_as_the_original(reports_csv: Path, tmp_path: Path) -> None:
    output = tmp_path / "labels.csv"
    assert run("--reports_path", reports_csv, "--output_path", output)[0] == 0
    lines = output.read_text().split("\n")
    assert lines[0] == ",".join(["Reports", *OBSERVATIONS])
    assert lines[1] == '"No effusion, but a nodule.",,,,1.0,,,,,,,0.0,,,'
    table = pd.read_csv(output)
    assert table["Reports"].fillna("").tolist() == REPORTS
    assert table["Edema"].fillna(9).tolist() == [9, 9, -1, 9]
    assert table["No Finding"].fillna(9).tolist() == [9, 1, 9, 1]


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "csv"])
def test_every_format_holds_the_same(ending: str, reports_csv: Path, tmp_path: Path) -> None:
    first = tmp_path / f"first.{ending}"
    second = tmp_path / "second.parquet"
    assert run("--reports_path", reports_csv, "--output_path", first)[0] == 0
    assert run("--reports_path", first, "--output_path", second, "--column", "Reports")[0] == 0
    table = pd.read_parquet(second)
    assert table["Reports"].tolist() == REPORTS
    expected = CheXpertLabeler().label_many(REPORTS)
    assert table[list(OBSERVATIONS)].astype("Int8").equals(expected)


def test_standard_streams_and_only_them(reports_csv: Path) -> None:
    code = "from coherent_cxr.cli import main; main()"
    program = [sys.executable, "-c", code, "label", "--progress"]
    given = reports_csv.read_bytes() + "No edema — clear.\n".encode()
    terminal = os.environ | {"PYTHONIOENCODING": "ascii"}  # reports are UTF-8 all the same
    answer = subprocess.run(program, input=given, capture_output=True, check=True, env=terminal)
    assert answer.stdout.decode().startswith("Reports,No Finding,")
    assert pd.read_csv(BytesIO(answer.stdout))["Reports"].fillna("").tolist() == [
        *REPORTS,
        "No edema — clear.",
    ]
    assert b"5 reports" in answer.stderr


def test_a_full_disk_behind_standard_output_is_a_sentence(reports_csv: Path) -> None:
    code = "from coherent_cxr.cli import main; main()"
    with Path("/dev/full").open("wb") as full:
        answer = subprocess.run(
            [sys.executable, "-c", code, "label", "--reports_path", reports_csv],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert answer.returncode == 1
    last = answer.stderr.splitlines()[-1]
    assert last == "Error: Standard output cannot be written (No space left on device)."


@pytest.mark.parametrize("option", ["--output_path", "--explain", "--html"])
def test_a_full_device_is_a_sentence_and_stays(option: str, reports_csv: Path, tmp_path: Path) -> None:
    arguments = {"--output_path": tmp_path / "o.csv", "--output_format": "csv", option: "/dev/full"}
    code, _, errors = run(
        "--reports_path", reports_csv, *(str(a) for pair in arguments.items() for a in pair)
    )
    assert code == 1
    assert "/dev/full cannot be written (No space left on device)" in errors
    assert Path("/dev/full").is_char_device()
    assert not (tmp_path / "o.csv").exists()


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_what_never_ends_a_line_is_not_read_for_ever(kind: str, tmp_path: Path) -> None:
    code, _, errors = run(
        "--reports_path", "/dev/zero", "--input_format", kind, "--output_path", tmp_path / "out.csv"
    )
    assert code == 1
    assert "/dev/zero has a line of more than 16,777,216 characters" in errors


def test_explanations_and_page(reports_csv: Path, tmp_path: Path) -> None:
    output, page = tmp_path / "labels.csv", tmp_path / "page.html"
    assert run("--reports_path", reports_csv, "--output_path", output, "--html", page, "--explain")[0] == 0
    mentions = [json.loads(line) for line in (tmp_path / "labels_mentions.jsonl").read_text().splitlines()]
    assert [(m["row"], m["text"], m["status"]) for m in mentions] == [
        (1, "effusion", 0),
        (1, "nodule", 1),
        (3, "edema", -1),
    ]
    for mention in mentions:
        assert REPORTS[mention["row"] - 1][mention["start"] : mention["end"]] == mention["text"]
    text = page.read_text()
    assert '<mark class="negative" title="Pleural Effusion: negative (no X)">effusion</mark>' in text
    assert "&lt;b&gt;size&lt;/b&gt;" in text
    assert text.count("<article>") == len(REPORTS)


def test_a_page_says_what_the_texts_say_and_names_its_rules(tmp_path: Path) -> None:
    """The original tool reads a normal heart as an enlarged one; its labels are a choice, the page is not."""
    reports, page, output = tmp_path / "r.csv", tmp_path / "page.html", tmp_path / "labels.csv"
    reports.write_text("The heart size appears within normal limits.\n")
    arguments = ("--reports_path", reports, "--output_path", output, "--html", page)
    code, _, errors = run(*arguments)
    assert code == 0
    assert pd.read_csv(output)["Cardiomegaly"].tolist() == [1]
    assert "Rule set: corrected." in page.read_text()
    assert 'class="positive" title' not in page.read_text()
    assert "marked by rule set corrected, the labels are by original" in errors
    code, _, errors = run(*arguments, "--rules", "original")
    assert code == 0
    assert "Rule set: original." in page.read_text()
    assert 'class="positive" title' in page.read_text()
    assert errors.split() == ["labels", str(output), "page", str(page)]


def test_explanations_need_a_place_when_labels_go_to_standard_output(reports_csv: Path) -> None:
    code, _, errors = run("--reports_path", reports_csv, "--explain")
    assert code == 2
    assert "--explain PATH" in errors


def test_a_header_is_not_labelled_and_said(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("Reports\nEdema.\n")
    code, output, errors = run("--reports_path", path)
    assert (code, output.count("\n")) == (0, 2)
    assert "Row 1" in errors
    assert run("--reports_path", path, "--no-header")[1].count("\n") == 3
    assert run("--reports_path", path, "--header")[2] == ""


@pytest.mark.parametrize(
    ("name", "content", "arguments", "message"),
    [
        ("r.csv", b"edema\nno effusion, no edema\n", (), "Row 2 of .*, line 2, has 2 columns instead of 1"),
        (
            "r.csv",
            b'edema\n"no\neffusion\nedema\n',
            (),
            "Row 2 of .*, which starts in line 2, is not valid CSV",
        ),
        ("r.csv", b'"edema" x\n', (), "Row 1 of .* is not valid CSV"),
        ("r.csv", b"a,b\n1,2\n", ("--column", "text"), r"no column 'text' \(--column\); it has: a, b"),
        ("r.jsonl", b'"edema"\n{"text": 7}\n', (), "Line 2 of .* holds 7"),
        ("r.jsonl", b'"edema"\n{oops\n', (), "Line 2 of .* is not valid JSON"),
        ("r.jsonl", b'{"a": "x", "b": "y"}\n', (), "Name the column .* it has: a, b"),
        ("r.parquet", b"no parquet", (), "cannot be read as Parquet"),
        ("r.parquet", b"PAR1" + b"x" * 99 + b"PAR1", (), "r.parquet (cannot be read as Parquet|is damaged)"),
        ("r.docx", b"", (), "ends in '.docx'; give its format"),
        ("r.csv", b"PK\x03\x04" + b"x" * 99, (), "is an Excel workbook or a ZIP archive"),
        ("r.jsonl", b"[" * 100_000, (), "not valid JSON .nested too deeply"),
        ("r.json", b'["edema", {"text": ["x"]}]', (), "Entry 2 of .* holds ..x.."),
        ("r.csv", b"edema\xff\n" + b'"' + b"long " * 99_999, (), "Row 2 of .* is not valid CSV"),
    ],
)
def test_bad_files_stop_with_a_sentence_and_no_output(
    name: str, content: bytes, arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    code, _, errors = run("--reports_path", path, "--output_path", tmp_path / "out.csv", *arguments)
    assert code == 1
    assert pd.Series([errors.replace("\n", " ")]).str.contains(message).all()
    assert len(errors) < 500
    assert sorted(p.name for p in tmp_path.iterdir()) == [name]


@pytest.mark.parametrize(
    ("name", "content", "arguments"),
    [
        ("r.json", '["Edema.", null]', ()),
        ("r.json", '[\n {"report": "Edema."},\n {"report": null}\n]', ()),
        ("r.csv", 'id;report\n1;"Edema, mild."\n2;\n', ("--column", "report")),
        ("r.csv", "id\treport\n1\tEdema, mild.\n2\tnan\n", ("--column", "report")),
        ("r.csv", "Reports\nEdema.\nNone.\n".encode("utf-16"), ()),
    ],
)
def test_lists_other_delimiters_and_utf_16_are_read_and_empty_reports_are_said(
    name: str, content: str | bytes, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    code, _, errors = run("--reports_path", path, "--output_path", tmp_path / "o.csv", *arguments)
    assert code == 0, errors
    labels = pd.read_csv(tmp_path / "o.csv")
    assert labels["Edema"].fillna(9).tolist() == [1, 9]
    assert "1 of 2 reports hold no text" in errors


def test_a_missing_file_and_wrong_rules(tmp_path: Path) -> None:
    code, _, errors = run("--reports_path", tmp_path / "none.csv", "--output_path", tmp_path / "o.csv")
    assert (code, "cannot be read (No such file" in errors) == (1, True)
    code, _, errors = run("--rules", tmp_path / "none.yml")
    assert (code, "rule file" in errors) == (2, True)


@pytest.mark.parametrize("option", ["--output_path", "--explain", "--html"])
def test_a_place_that_cannot_be_written_is_named(option: str, reports_csv: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    place = tmp_path / "no" / "such.jsonl"
    arguments = {"--output_path": tmp_path / "o.csv", option: place}
    code, _, errors = run("--reports_path", reports_csv, *(a for pair in arguments.items() for a in pair))
    assert code == 1
    assert f"{place} cannot be written (No such file or directory)" in errors or (
        f"'{place}' cannot be written: there is no folder" in errors and "--html" in errors
    )
    assert sorted(tmp_path.iterdir()) == before


def test_the_output_must_not_be_a_folder(reports_csv: Path, tmp_path: Path) -> None:
    code, _, errors = run("--reports_path", reports_csv, "--output_path", tmp_path, "--output_format", "csv")
    assert code == 1
    assert "is a folder" in errors


def test_parquet_through_a_pipe(tmp_path: Path) -> None:
    pd.DataFrame({"findings": ["Edema.", None]}).to_parquet(tmp_path / "in.parquet")
    code = "from coherent_cxr.cli import main; main()"
    program = [sys.executable, "-c", code, "label", "--input_format", "parquet", "--output_format", "jsonl"]
    with subprocess.Popen(["cat", tmp_path / "in.parquet"], stdout=subprocess.PIPE) as source:
        answer = subprocess.run(program, stdin=source.stdout, capture_output=True, check=True)
    assert [json.loads(line)["Edema"] for line in answer.stdout.splitlines()] == [1, None]


@pytest.mark.slow
def test_bytes_that_are_no_text_stay_as_they_were(tmp_path: Path) -> None:
    path, output = tmp_path / "r.csv", tmp_path / "o.csv"
    path.write_bytes(b"\xef\xbb\xbfedema \xff\xfe\x00\nno edema\n" + b"effusion " * 30_000 + b"\n")
    assert run("--reports_path", path, "--output_path", output)[0] == 0
    lines = output.read_bytes().split(b"\n")
    assert lines[1].startswith(b"edema \xff\xfe\x00,")
    assert len(lines) == 5
    assert run("--reports_path", path, "--output_path", tmp_path / "o.parquet")[0] == 0


@given(st.text(max_size=60))
def test_segments_of_the_page_are_the_whole_text(text: str) -> None:
    text = f"{text} no effusion {text} the heart size"
    report = explain_report(1, text, LABELER.explain(text), LABELER.label(text))
    assert "".join(segment.text for segment in report.segments) == text
    assert {"effusion"} <= {segment.text for segment in report.segments if segment.status == "negative"}


def test_lone_surrogates_of_json_are_replaced_and_bytes_of_csv_kept(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text('{"text": "Edema \\ud800."}\n{"text": "Edema \\udce9."}\n')
    code, _, errors = run("--reports_path", tmp_path / "r.jsonl", "--output_path", tmp_path / "out.csv")
    assert code == 0, errors
    first, second = (tmp_path / "out.csv").read_bytes().splitlines()[1:]
    assert first.startswith(b"Edema ?.,")
    assert second.startswith(b"Edema \xe9.,")
