"""Tables that another stage cannot use are refused when saved and loaded, without a cell in the message."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.datasets.tables import ParquetDataset
from coherent_cxr.datasets.validation import TableSchemaError, check_table
from coherent_cxr.pieces.table_file import TableFile, pieces_of

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
    {"study_id": ["S1", "S2", "S3"]} | {name: [1, 0, pd.NA] for name in OBSERVATIONS}
).astype(dict.fromkeys(OBSERVATIONS, "Int8"))


def refusal(table: pd.DataFrame, validator: str, columns: list[str] | None = None) -> str:
    with pytest.raises(TableSchemaError) as refused:
        check_table(table, validator, "data/x.parquet", columns)
    error: BaseException | None = refused.value
    assert error is not None
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    assert "data/x.parquet" in str(error)
    assert SECRET not in str(error)
    return str(error)


@pytest.mark.parametrize(
    ("table", "validator", "told"),
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
        (
            FINDINGS.assign(patient_id="p", split=["train", "test", SECRET]),
            "splits",
            r"'split' fails the check isin\(.*'validation'.*\) in 1 rows, first in row 2",
        ),
        (LABELS.assign(**dict.fromkeys(OBSERVATIONS, 5)), "study_labels", "; and 9 more"),
    ],
)
def test_each_fault_is_named_by_column_count_and_row(table: pd.DataFrame, validator: str, told: str) -> None:
    assert re.search(told, refusal(table, validator))


@settings(max_examples=10, deadline=None)
@given(
    st.lists(
        st.sampled_from(["S1", "S2", None, SECRET, 3, 2.5, [SECRET], float("inf")]), min_size=3, max_size=3
    )
)
def test_no_cell_is_quoted_whatever_the_column_holds(cells: list[object]) -> None:
    column = pd.Series(np.empty(3), dtype=object)
    column[:] = pd.Series(cells, dtype=object)
    refusal(FINDINGS.assign(study_id=column, text=None), "findings")


def test_what_fits_passes_with_further_columns_and_without_rows() -> None:
    check_table(FINDINGS.assign(note="x"), "findings", "x")
    check_table(LABELS, "study_labels", "x")
    check_table(LABELS.astype(dict.fromkeys(OBSERVATIONS, "float64")), "study_labels", "x")
    check_table(pd.DataFrame([], columns=list(FINDINGS)), "findings", "x")
    check_table(FINDINGS[["study_id"]], "findings", "x", ["study_id"])
    assert "no column 'tokens'" in refusal(FINDINGS[["study_id"]], "findings", ["study_id", "tokens"])


def test_a_table_is_checked_when_it_is_saved_loaded_and_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "findings.parquet"
    dataset = ParquetDataset(filepath=str(path), validator="findings")
    with pytest.raises(TableSchemaError, match="no column 'text'"):
        dataset.save(FINDINGS.drop(columns="text"))
    assert list(tmp_path.iterdir()) == []
    dataset.save(FINDINGS)
    assert list(dataset.load()["study_id"]) == ["S1", "S2", "S3"]
    FINDINGS.assign(text=["a", "b", None]).to_parquet(path)
    with pytest.raises(TableSchemaError, match="'text' has missing values in 1 rows, first in row 2"):
        dataset.load()
    file = TableFile(path, 2, dataset._check)
    read = pieces_of(file)
    assert len(next(read)) == 2
    with pytest.raises(TableSchemaError, match="'text' has missing values in 1 rows, first in row 0"):
        next(read)
    assert sum(map(len, pieces_of(file, ["study_id"]))) == 3


def test_a_schema_of_a_users_own_is_named_by_its_import_path(tmp_path: Path) -> None:
    dataset = ParquetDataset(
        filepath=str(tmp_path / "x.parquet"), validator="coherent_cxr.datasets.schemas.images"
    )
    with pytest.raises(TableSchemaError, match="no column 'image_id', 'view'"):
        dataset.save(FINDINGS)
