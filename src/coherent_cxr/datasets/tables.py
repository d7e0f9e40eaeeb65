"""Tables as Parquet and CSV files."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pandas as pd
from kedro_datasets import pandas as kedro_pandas

from coherent_cxr.datasets.whole import WholeDataset
from coherent_cxr.storage.spreadsheets import table_as_text


class ParquetDataset(WholeDataset[pd.DataFrame, pd.DataFrame], kedro_pandas.ParquetDataset):
    """Kedro's Parquet table, written whole or not at all."""


class CSVDataset(WholeDataset[pd.DataFrame, pd.DataFrame], kedro_pandas.CSVDataset):
    """Kedro's CSV table, written whole or not at all.

    Args:
        spreadsheet: Whether text that a spreadsheet would take for a formula gets an apostrophe; for tables
            that quote other people's words.
        settings: As for Kedro's.
    """

    def __init__(self, *, spreadsheet: bool = False, **settings: Any) -> None:
        super().__init__(**settings)
        self._spreadsheet = spreadsheet

    def _write(self, data: pd.DataFrame, path: PurePosixPath) -> None:
        super()._write(table_as_text(data) if self._spreadsheet else data, path)
