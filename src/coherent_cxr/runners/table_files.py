"""A catalog whose Parquet tables are read and written a piece at a time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from kedro.io import CatalogProtocol
from kedro_datasets.pandas import ParquetDataset

from coherent_cxr.datasets.table_file import TableFile
from coherent_cxr.storage.whole import beside


class TableFiles:
    """Stands before a catalog: some tables are loaded, and others may be saved, as files.

    Everything else is the catalog's, so Kedro runs a node on it, with all hooks, as on any.

    Args:
        catalog: The catalog.
        tables: Tables to load as :class:`TableFile`.
        rows: Most rows per piece.
    """

    def __init__(self, catalog: CatalogProtocol[Any, Any], tables: Iterable[str], rows: int) -> None:
        self._catalog = catalog
        self._tables = set(tables)
        self._rows = rows
        self._writers: list[PieceWriter] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._catalog, name)

    def load(self, name: str) -> Any:
        """Load a dataset, or name the file of a table."""
        if name not in self._tables:
            return self._catalog.load(name)
        return TableFile(Path(str(_dataset(self._catalog, name)._get_load_path())), self._rows)

    def save(self, name: str, data: Any) -> None:
        """Save a dataset, or move a table's finished file to its place."""
        if isinstance(data, TableFile):
            data.move(self._target(name))
        else:
            self._catalog.save(name, data)

    def write(self, names: list[str], pieces: Iterable[tuple[pd.DataFrame, ...]]) -> tuple[TableFile, ...]:
        """Write the pieces of tables beside where these will be saved; return the files."""
        self._writers = [PieceWriter(self._target(name)) for name in names]
        for results in pieces:
            for writer, result in zip(self._writers, results, strict=True):
                writer.write(result)
        return tuple(TableFile(writer.finish(), self._rows) for writer in self._writers)

    def discard(self) -> None:
        """Delete files that were written and not saved."""
        for writer in self._writers:
            writer.discard()

    def _target(self, name: str) -> Path:
        return Path(str(_dataset(self._catalog, name)._get_save_path()))


def are_files(catalog: CatalogProtocol[Any, Any], names: Iterable[str]) -> bool:
    """Tell whether all datasets are Parquet tables on this machine."""
    datasets = [catalog.get(name) for name in names]
    return all(isinstance(d, ParquetDataset) and d._protocol == "file" for d in datasets)


def _dataset(catalog: CatalogProtocol[Any, Any], name: str) -> ParquetDataset:
    dataset = catalog.get(name)
    assert isinstance(dataset, ParquetDataset)
    return dataset


class PieceWriter:
    """Writes a Parquet file in pieces, under another name until it is whole."""

    def __init__(self, target: Path) -> None:
        self._writing = beside(target)
        self._writer: pq.ParquetWriter | None = None
        self._empty: pa.Table | None = None

    def write(self, frame: pd.DataFrame) -> None:
        """Append rows, which must fit the first ones' types."""
        table = pa.Table.from_pandas(frame, preserve_index=False)
        if not table.num_rows:
            self._empty = table
            return
        if self._writer is None:
            self._writing.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self._writing, table.schema)
        self._writer.write_table(table.cast(self._writer.schema))

    def finish(self) -> Path:
        """Complete the file; return where it is."""
        if self._writer is None:
            self._writing.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.table({}) if self._empty is None else self._empty, self._writing)
        else:
            self._writer.close()
        return self._writing

    def discard(self) -> None:
        """Delete what was written."""
        self._writing.unlink(missing_ok=True)
