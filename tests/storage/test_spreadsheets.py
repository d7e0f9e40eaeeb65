"""Text of other people never becomes a formula, and numbers stay numbers."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.cli import main
from coherent_cxr.datasets.tables import CSVDataset
from coherent_cxr.storage.spreadsheets import as_text, table_as_text


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ('=HYPERLINK("http://x","ok")', '\'=HYPERLINK("http://x","ok")'),
        ("+1+1", "'+1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
        ("\t=1", "'\t=1"),
        ("\n=1", "'\n=1"),
        ("＝1+1", "'＝1+1"),
        ("- no effusion", "'- no effusion"),
        ("-1.5e-3", "-1.5e-3"),
        ("+7", "+7"),
        ("-", "'-"),
        ("No effusion = clear", "No effusion = clear"),
        ("", ""),
        (-1, -1),
        (None, None),
    ],
)
def test_what_would_be_a_formula_gets_an_apostrophe(cell: object, shown: object) -> None:
    assert as_text(cell) == shown


@given(st.text())
def test_no_text_begins_like_a_formula_and_the_rest_is_unchanged(text: str) -> None:
    safe = as_text(text)
    assert safe in (text, f"'{text}")
    try:
        float(text)
    except ValueError:
        assert safe[:1] not in ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def test_only_text_and_names_of_columns_change() -> None:
    table = pd.DataFrame(
        {"=id": ["=1", "a"], "n": [-1, 2], "x": [-0.5, None], "c": pd.Categorical(["@", "b"])}
    )
    safe = table_as_text(table)
    assert list(safe.columns) == ["'=id", "n", "x", "c"]
    assert safe["'=id"].tolist() == ["'=1", "a"]
    assert list(safe["c"]) == ["'@", "b"]
    pd.testing.assert_frame_equal(safe[["n", "x"]], table[["n", "x"]])
    assert table["=id"].tolist() == ["=1", "a"]


def test_a_table_of_the_catalog_is_safe_where_that_is_asked_for(tmp_path: Path) -> None:
    for wanted, cell in ((True, "'=1+1"), (False, "=1+1")):
        dataset = CSVDataset(
            filepath=str(tmp_path / f"{wanted}.csv"), save_args={"index": False}, spreadsheet=wanted
        )
        dataset.save(pd.DataFrame({"word": ["=1+1"], "n": [-1]}))
        assert (tmp_path / f"{wanted}.csv").read_text() == f"word,n\n{cell},-1\n"


@pytest.mark.parametrize("option", [[], ["--spreadsheet"]])
def test_label_writes_as_the_original_tool_unless_asked(tmp_path: Path, option: list[str]) -> None:
    (tmp_path / "reports.csv").write_text('"=cmd, no effusion"\n')
    arguments = [
        "--reports_path",
        str(tmp_path / "reports.csv"),
        "--output_path",
        str(tmp_path / "labels.csv"),
    ]
    answer = CliRunner().invoke(main, ["label", *arguments, *option])
    assert answer.exit_code == 0, answer.output
    row = (tmp_path / "labels.csv").read_text().splitlines()[1]
    assert row.startswith("\"'=cmd" if option else '"=cmd')
