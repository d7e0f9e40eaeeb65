"""Tables that are read and written a piece at a time instead of being held."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 10_000
"""Most rows of a piece."""
Check = Callable[[pd.DataFrame, list[str] | None], None]


class TableFile:
    """A Parquet file on this machine, of which one piece at a time is in memory.

    Args:
        source: The file, or an open one, which may have no name.
        rows: Most rows per piece.

    Attributes:
        check: Called with every piece that is read, and the names of its columns if it has not all; raises
            what it dislikes.
    """

    def __init__(self, source: Path | IO[bytes], rows: int = ROWS) -> None:
        self._source = source
        self.rows = rows
        self.check: Check | None = None

    def __len__(self) -> int:
        with pq.ParquetFile(self._source) as file:
            return int(file.metadata.num_rows)

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        with pq.ParquetFile(self._source) as file:
            return list(file.schema_arrow.names)

    def pieces(self, columns: list[str] | None = None) -> Iterator[pd.DataFrame]:
        """Yield the table in pieces; an empty table is one empty piece.

        Args:
            columns: Only these, in the file's order; all by default.
        """
        with pq.ParquetFile(self._source) as file:
            batches = file.iter_batches(self.rows, columns=columns)
            tables = (pa.Table.from_batches([batch]) for batch in batches)
            for table in tables if file.metadata.num_rows else [file.read(columns=columns)]:
                piece = table.to_pandas()
                if self.check is not None:
                    self.check(piece, columns)
                yield piece

    def copy_to(self, target: Path) -> None:
        """Copy the file."""
        if isinstance(self._source, Path):
            shutil.copyfile(self._source, target)
            return
        self._source.seek(0)
        with target.open("wb") as file:
            shutil.copyfileobj(self._source, file)


Table = pd.DataFrame | TableFile
"""A table as a node gets it: held, or to be read in pieces."""


def pieces_of(table: Table, columns: list[str] | None = None) -> Iterator[pd.DataFrame]:
    """Yield a table, or some of its columns, in pieces; a table that is held is one piece."""
    if isinstance(table, TableFile):
        yield from table.pieces(columns)
    else:
        yield table if columns is None else table[columns]


def held(table: Table, columns: list[str] | None = None, optional: tuple[str, ...] = ()) -> pd.DataFrame:
    """Hold a table, or some of its columns, all rows.

    Args:
        table: The table.
        columns: Columns that it has; all by default.
        optional: Further columns, where it has them.
    """
    if columns is not None and optional:
        columns = columns + [name for name in optional if name in table.columns]
    if isinstance(table, TableFile):
        return pd.concat(table.pieces(columns), ignore_index=True)
    return table if columns is None else table[columns]


def write_pieces(pieces: Iterable[tuple[pd.DataFrame, ...]]) -> tuple[Table, ...]:
    """Put the pieces of tables into temporary files; tables of one piece stay held.

    The files have no name, so nothing is left of them when the process ends, however it does.

    Args:
        pieces: One at least; of each table the rows must fit the types of its first ones.
    """
    coming = iter(pieces)
    first = next(coming)
    second = next(coming, None)
    if second is None:
        return tuple(first)
    writers = [_Writer() for _ in first]
    for results in chain((first, second), coming):
        for writer, frame in zip(writers, results, strict=True):
            writer.write(frame)
    return tuple(writer.finish() for writer in writers)


class _Writer:
    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115  # lives as long as the table
        self._writer: pq.ParquetWriter | None = None
        self._empty: pa.Table | None = None

    def write(self, frame: pd.DataFrame) -> None:
        table = pa.Table.from_pandas(frame, preserve_index=False)
        if not table.num_rows:  # its columns have no types
            self._empty = table
            return
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._file, table.schema)
        self._writer.write_table(table.cast(self._writer.schema))

    def finish(self) -> TableFile:
        if self._writer is None:
            pq.write_table(self._empty, self._file)
        else:
            self._writer.close()
        return TableFile(self._file)
