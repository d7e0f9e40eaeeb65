"""Tables as Parquet and CSV files."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from kedro_datasets import pandas as kedro_pandas
from kedro_datasets._typing import TablePreview

from coherent_cxr.datasets.whole import WholeDataset
from coherent_cxr.pieces.table_file import Table, TableFile, held
from coherent_cxr.storage.spreadsheets import table_as_text

rows_per_piece: ContextVar[int | None] = ContextVar("rows_per_piece", default=None)
"""Set while a table is loaded that will be read in pieces of so many rows."""


class ParquetDataset(WholeDataset[Table, Table], kedro_pandas.ParquetDataset):
    """Kedro's Parquet table, whose cells may be lists (sentences, tokens, word ids).

    It is written atomically, and read in pieces where a node wants that.
    """

    def load(self) -> Table:
        """Load the table, or name its file."""
        rows = rows_per_piece.get()
        if rows is not None and self._is_local():
            return TableFile(Path(self._get_load_path()), rows)
        load: Any = super().load  # type: ignore[safe-super]  # Kedro's, which mypy takes for abstract
        whole: pd.DataFrame = load.__wrapped__(self)  # without Kedro's messages, which are given anyway
        return whole

    def _write(self, data: Table, path: PurePosixPath) -> None:
        if isinstance(data, TableFile) and self._is_local():
            data.copy_to(Path(path))
        else:
            super()._write(held(data), path)

    def preview(self, nrows: int = 5) -> TablePreview:
        """Return the first rows in pandas' ``split`` format for Kedro-Viz, lists written out.

        Args:
            nrows: Number of rows.
        """
        shown = super().preview(nrows)
        shown["data"] = [[_written_out(cell) for cell in row] for row in shown["data"]]
        return shown


def _written_out(cell: Any) -> Any:
    return str(_as_list(cell)) if isinstance(cell, np.ndarray) else cell


def _as_list(cell: Any) -> Any:
    return [_as_list(item) for item in cell] if isinstance(cell, np.ndarray) else cell


class CSVDataset(WholeDataset[pd.DataFrame, pd.DataFrame], kedro_pandas.CSVDataset):
    """Kedro's CSV table, written atomically.

    Args:
        spreadsheet: Whether cells that a spreadsheet would take for formulas get an apostrophe; for tables
            with texts from outside.
        settings: Kedro's arguments.
    """

    def __init__(self, *, spreadsheet: bool = False, **settings: Any) -> None:
        super().__init__(**settings)
        self._spreadsheet = spreadsheet

    def _write(self, data: pd.DataFrame, path: PurePosixPath) -> None:
        super()._write(table_as_text(data) if self._spreadsheet else data, path)
