"""Tables that are read a piece at a time instead of being held."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


class TableFile:
    """A Parquet file on this machine, of which one piece at a time is in memory.

    Runners that cut tables give it to nodes and hooks in place of the table.

    Args:
        path: The file.
        rows: Most rows per piece.
    """

    def __init__(self, path: Path, rows: int) -> None:
        self.path = path
        self._rows = rows

    def __len__(self) -> int:
        return int(pq.read_metadata(self.path).num_rows)

    def pieces(self, columns: list[str] | None = None) -> Iterator[pd.DataFrame]:
        """Yield the table in pieces; an empty table is one empty piece.

        Args:
            columns: Only these, in the file's order; all by default.
        """
        with pq.ParquetFile(self.path) as file:
            if not file.metadata.num_rows:
                yield file.read(columns=columns).to_pandas()
            for batch in file.iter_batches(self._rows, columns=columns):
                yield pa.Table.from_batches([batch]).to_pandas()

    def move(self, target: Path) -> None:
        """Move the file in one step."""
        self.path = self.path.replace(target)


Table = pd.DataFrame | TableFile
"""A table as a node gets it: held, or to be read in pieces."""


def pieces_of(table: Table, columns: list[str] | None = None) -> Iterator[pd.DataFrame]:
    """Yield a table, or some of its columns, in pieces; a table that is held is one piece."""
    if isinstance(table, TableFile):
        yield from table.pieces(columns)
    else:
        yield table if columns is None else table[columns]


def read_columns(table: Table, columns: list[str]) -> pd.DataFrame:
    """Hold some columns of a table, all rows."""
    return pd.concat(pieces_of(table, columns), ignore_index=True)
