"""Tables to files, chunk by chunk: CSV, JSON Lines, and Parquet, whole or not at all."""

from __future__ import annotations

import csv
import errno
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Final, cast

from coherent_cxr.chexpert.io.reading import STANDARD_STREAM, ReportFileError
from coherent_cxr.storage.spreadsheets import as_text
from coherent_cxr.storage.whole import written_whole

if TYPE_CHECKING:
    import pyarrow.parquet as pq

REPORTS_COLUMN: Final = "Reports"
Cell = str | int | float | None


def label_columns(observations: Sequence[str]) -> dict[str, type]:
    """Return the columns of the original tool's output, as :class:`TableWriter` takes them."""
    return {REPORTS_COLUMN: str, **dict.fromkeys(observations, int)}


class TableWriter(AbstractContextManager["TableWriter"]):
    """Writes a table in chunks; the file appears under its name only when all of it is written.

    Args:
        path: The file; "-" for standard output.
        columns: Name and type (str, int or float) of each column. Values may be None.
        file_format: One of :data:`FORMATS`.
        labels_as_float: Whether integers are written as 1.0 in CSV, as the original tool does.
        spreadsheet: Whether text in CSV that a spreadsheet would take for a formula gets an apostrophe.
    """

    def __init__(
        self,
        path: str,
        columns: Mapping[str, type],
        file_format: str,
        *,
        labels_as_float: bool = False,
        spreadsheet: bool = False,
    ) -> None:
        self._columns = columns
        self._format = file_format
        self._as_text = spreadsheet and file_format == "csv"
        self._as_float = labels_as_float and file_format == "csv"
        self._target = None if path == STANDARD_STREAM else Path(path)
        self._opened = ExitStack()
        self._stream: IO[Any] | None = None
        self._parquet: pq.ParquetWriter | None = None
        self._rows: Any = None

    def __enter__(self) -> TableWriter:
        binary = self._format == "parquet"
        if self._target is not None and self._target.is_dir():
            raise ReportFileError(f"The output {self._target} is a folder; give the name of a file.")
        try:
            self._stream = self._open(binary)
        except OSError as error:
            self._opened.__exit__(type(error), error, error.__traceback__)
            raise self._unwritable(error) from error
        if binary:
            import pyarrow as pa
            import pyarrow.parquet as pq

            types = {str: pa.string(), int: pa.int64(), float: pa.float64()}
            schema = pa.schema([(name, types[kind]) for name, kind in self._columns.items()])
            self._parquet = self._opened.enter_context(pq.ParquetWriter(self._stream, schema))
        elif self._format == "csv":
            self._rows = csv.writer(cast(IO[str], self._stream), lineterminator="\n")
            self._rows.writerow(self._columns)
        return self

    def write(self, rows: Sequence[Sequence[Cell]]) -> None:
        """Append rows of values in the order of the columns."""
        if self._as_text:
            rows = [[as_text(value) for value in row] for row in rows]
        if self._rows is not None:
            rows = [[_writable(value) for value in row] for row in rows]
            self._rows.writerows([_floats(row) for row in rows] if self._as_float else rows)
        elif self._parquet is not None:
            import pyarrow as pa

            values = zip(*rows, strict=True) if rows else [()] * len(self._columns)
            arrays = [
                pa.array([_encodable(v) for v in column], field.type)
                for column, field in zip(values, self._parquet.schema, strict=True)
            ]
            self._parquet.write_table(pa.Table.from_arrays(arrays, schema=self._parquet.schema))
        elif self._stream is not None:
            for row in rows:
                self._stream.write(json.dumps(dict(zip(self._columns, row, strict=True))) + "\n")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._opened.__exit__(kind, error, trace)
        except OSError as at_the_end:
            error = at_the_end
        if isinstance(error, OSError):
            if error.errno == errno.EPIPE:  # a reader that has seen enough
                raise error
            raise self._unwritable(error) from error

    def _open(self, binary: bool) -> IO[Any]:
        if self._target is None:
            if binary:
                return sys.stdout.buffer
            # UTF-8 as in a file: the encoding of a terminal does not hold all that a report may
            stream = TextIOWrapper(sys.stdout.buffer, "utf-8", "surrogateescape", newline="")
            self._opened.callback(stream.detach)
            return stream
        place = self._opened.enter_context(written_whole(self._target, make_folders=False))
        opened: IO[Any] = (
            place.open("wb")
            if binary
            else place.open("w", encoding="utf-8", errors="surrogateescape", newline="")
        )
        return self._opened.enter_context(opened)

    def _unwritable(self, error: OSError) -> ReportFileError:
        what = "Standard output" if self._target is None else f"The file {self._target}"
        return ReportFileError(f"{what} cannot be written ({error.strerror}).")


def _floats(row: Sequence[Cell]) -> list[str | float | None]:
    return [float(value) if isinstance(value, int) else value for value in row]


def _writable(value: Cell) -> Cell:
    """Replace lone surrogates of JSON; those that stand for bytes of the input are written as these bytes."""
    try:
        if isinstance(value, str):
            value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return _encodable(value)
    return value


def _encodable(value: Cell) -> Cell:
    """Replace the bytes that were no UTF-8 in the input; CSV keeps them as they were."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
