"""Tables as Parquet and CSV files."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pandas as pd
from kedro_datasets import pandas as kedro_pandas

from coherent_cxr.datasets.whole import WholeDataset
from coherent_cxr.storage.spreadsheets import table_as_text


class ParquetDataset(WholeDataset[pd.DataFrame, pd.DataFrame], kedro_pandas.ParquetDataset):
    """Kedro's Parquet table, written atomically."""


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
