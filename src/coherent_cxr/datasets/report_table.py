"""Parquet tables whose cells may be lists: sentences, tokens, word ids."""

from __future__ import annotations

from typing import Any

import numpy as np
from kedro_datasets._typing import TablePreview

from coherent_cxr.datasets.tables import ParquetDataset


class ReportTableDataset(ParquetDataset):
    """A Parquet table that kedro-viz can preview although some of its cells are lists."""

    def preview(self, nrows: int = 5) -> TablePreview:
        """Return the first rows in pandas' ``split`` format, lists written out.

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
