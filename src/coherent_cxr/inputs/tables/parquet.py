"""Untrusted Parquet files, read in small pieces: a few bytes of them can expand to gigabytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any

from coherent_cxr.inputs.limits import Inflation

ROWS = 256
"""Rows of a piece: a value that is repeated by reference in the file is copied for each of them."""
BYTES_OF_A_CELL = 8
"""What Python needs for a cell, at least."""


class ParquetTable:
    """A Parquet file, bounded in what comes out of it (:class:`~coherent_cxr.inputs.limits.Inflation`).

    Args:
        source: Its path or bytes.
        size: Bytes of the file.
        name: What it is, for messages.

    Raises:
        Exception: Whatever the library raises of a damaged file, here and while reading.
    """

    def __init__(self, source: str | bytes, size: int, name: str) -> None:
        import pyarrow.parquet as pq  # most tables come in other formats

        self._file = pq.ParquetFile(BytesIO(source) if isinstance(source, bytes) else source)
        self._inflation = Inflation(size, name)

    @property
    def schema(self) -> Any:
        """Names and types of the columns, as Arrow has them."""
        return self._file.schema_arrow

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Yield record batches of some columns.

        Raises:
            LimitError: If far more comes out than the file has.
        """
        self._inflation.add(self._file.metadata.num_rows * len(columns) * BYTES_OF_A_CELL)
        for batch in self._file.iter_batches(batch_size=ROWS, columns=list(columns)):
            self._inflation.add(batch.nbytes)
            yield batch
