"""Tables are cut where studies end, wherever the files' own pieces end."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coherent_cxr.pieces.cutting import cut_by_study
from coherent_cxr.pieces.table_file import TableFile, held, pieces_of


def _files(folder: Path, rows: int, **tables: pd.DataFrame) -> dict[str, TableFile]:
    for name, table in tables.items():
        table.to_parquet(folder / name, index=False, row_group_size=5)
    return {name: TableFile(folder / name, rows) for name in tables}


def _table(counts: list[int]) -> pd.DataFrame:
    studies = [f"S{place:03}" for place, count in enumerate(counts) for _ in range(count)]
    return pd.DataFrame({"study_id": pd.Series(studies, dtype="str"), "row": range(len(studies))})


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=20), st.integers(1, 9))
@pytest.mark.slow
def test_every_row_is_in_the_piece_of_its_study(counts: list[int], rows: int) -> None:
    studies, sentences = _table([1] * len(counts)), _table(counts)
    with TemporaryDirectory() as folder:
        cut = list(cut_by_study(_files(Path(folder), rows, studies=studies, sentences=sentences)))
    assert max(len(piece["studies"]) for piece in cut) <= rows
    for piece in cut:
        assert set(piece["sentences"]["study_id"]) <= set(piece["studies"]["study_id"])
    for name, table in {"studies": studies, "sentences": sentences}.items():
        pd.testing.assert_frame_equal(pd.concat([piece[name] for piece in cut], ignore_index=True), table)


def test_rows_that_are_never_reached_are_an_error(tmp_path: Path) -> None:
    files = _files(tmp_path, 3, studies=_table([1] * 8), sentences=_table([2] * 8).iloc[::-1])
    with pytest.raises(ValueError, match=r"'sentences' and 'studies' do not list.*from 'S005' on"):
        list(cut_by_study(files))


def test_a_table_is_read_whole_or_in_pieces_alike(tmp_path: Path) -> None:
    table = _table([1] * 8)
    file = _files(tmp_path, 3, table=table)["table"]
    assert len(file) == 8
    assert [len(piece) for piece in pieces_of(file, ["row"])] == [3, 3, 2]
    for source in (table, file):
        pd.testing.assert_frame_equal(held(source, ["row"]), table[["row"]])
        pd.testing.assert_frame_equal(held(source, ["study_id"], optional=("row", "date")), table)
    empty = _files(tmp_path, 3, empty=table[:0])["empty"]
    (piece,) = empty.pieces()
    pd.testing.assert_frame_equal(piece, table[:0])
