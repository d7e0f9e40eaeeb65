"""Tables that another stage cannot use are refused when saved and loaded, without a cell in the message."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kedro.io import DataCatalog
from kedro.validation import DataValidationError

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.datasets import schemas
from coherent_cxr.datasets.tables import rows_per_piece
from coherent_cxr.pieces.table_file import pieces_of
from helpers.conf import read_conf

SECRET = "secretivecyst"
FINDINGS = pd.DataFrame(
    {
        "study_id": ["S1", "S2", "S3"],
        "text": [f"{SECRET}.", "b.", "c."],
        "sentences": [[f"{SECRET}."], ["b."], ["c."]],
        "tokens": [[[SECRET]], [["b"]], [["c"]]],
    }
)
LABELS = pd.DataFrame(
    {"study_id": ["S1", "S2", "S3"], **dict.fromkeys(OBSERVATIONS, pd.Series([1, 0, pd.NA], dtype="Int8"))}
)


def refusal(table: pd.DataFrame, schema: str, columns: list[str] | None = None) -> str:
    with pytest.raises(DataValidationError) as refused:
        getattr(schemas, schema).check(table, columns)
    error = refused.value
    assert error.__suppress_context__ or error.__context__ is None  # where pandera quotes cells
    assert SECRET not in str(error)
    return str(error)


@pytest.mark.parametrize(
    ("table", "schema", "told"),
    [
        (
            FINDINGS.assign(study_id=SECRET),
            "findings",
            "'study_id' has values more than once in 3 rows, first in row 0",
        ),
        (FINDINGS.drop(columns=["text", "tokens"]), "findings", "no column 'text', 'tokens'"),
        (
            FINDINGS.assign(text=["a", None, None]),
            "findings",
            "'text' has missing values in 2 rows, first in row 1",
        ),
        (FINDINGS.assign(text=[1, 2, 3]), "findings", "'text' is no text"),
        (FINDINGS.set_index("study_id"), "findings", "no column 'study_id'"),
        (pd.DataFrame(), "findings", "no column 'study_id', 'text', 'sentences', 'tokens'"),
        (LABELS.assign(Edema=[1, 7, 9]), "study_labels", "'Edema' .* in 2 rows, first in row 1"),
        (LABELS.assign(Edema=SECRET), "study_labels", "'Edema' "),
        (LABELS.fillna(0).assign(Edema=SECRET), "label_scores", "'Edema' is not a number"),
        (
            FINDINGS.assign(patient_id="p", split=["train", "test", SECRET]),
            "splits",
            r"'split' fails the check isin\(.*'validation'.*\) in 1 rows, first in row 2",
        ),
    ],
)
def test_each_fault_is_named_by_column_count_and_row(table: pd.DataFrame, schema: str, told: str) -> None:
    assert re.search(told, refusal(table, schema))


@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.sampled_from(["S1", None, SECRET, 3, 2.5, [SECRET], float("inf")]), min_size=3, max_size=3)
)
def test_no_cell_is_quoted_whatever_the_column_holds(cells: list[object]) -> None:
    column = pd.Series(np.empty(3), dtype=object)
    column[:] = pd.Series(cells, dtype=object)
    refusal(FINDINGS.assign(study_id=column, text=None), "findings")


def test_what_fits_passes_with_further_columns_and_without_rows() -> None:
    schemas.findings.check(FINDINGS.assign(note="x"))
    schemas.study_labels.check(LABELS)
    schemas.study_labels.check(LABELS.astype(dict.fromkeys(OBSERVATIONS, "float64")))
    schemas.findings.check(pd.DataFrame([], columns=list(FINDINGS)))
    schemas.findings.check(FINDINGS[["study_id"]], ["study_id"])
    assert "no column 'tokens'" in refusal(FINDINGS[["study_id"]], "findings", ["study_id", "tokens"])


def test_a_table_of_the_catalog_is_checked_when_it_is_saved_loaded_and_read_in_pieces(tmp_path: Path) -> None:
    catalog = DataCatalog.from_config(read_conf("findings_extraction/catalog.yml", tmp_path))
    with pytest.raises(DataValidationError, match=r"'findings' on save(.|\n)*no column 'text'"):
        catalog.save("findings", FINDINGS.drop(columns="text"))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    catalog.save("findings", FINDINGS)
    assert list(catalog.load("findings")["study_id"]) == ["S1", "S2", "S3"]
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    FINDINGS.assign(text=["a", "b", None]).to_parquet(path)
    told = r"'findings' on load(.|\n)*'text' has missing values in 1 rows, first in row 2"
    with pytest.raises(DataValidationError, match=told):
        catalog.load("findings")
    in_pieces = rows_per_piece.set(2)
    try:
        file: Any = catalog.load("findings")
    finally:
        rows_per_piece.reset(in_pieces)
    read = pieces_of(file)
    assert len(next(read)) == 2
    with pytest.raises(DataValidationError, match="'text' has missing values in 1 rows, first in row 0"):
        next(read)
    assert sum(map(len, pieces_of(file, ["study_id"]))) == 3
