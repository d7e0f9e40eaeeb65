"""Reports from files, row by row: CSV as the original tool's, JSON Lines, and Parquet.

No row is lost or shifted: a row is a report, or the reading stops with a sentence that names it.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import IO, Final

import pyarrow as pa
import pyarrow.parquet as pq

FORMATS: Final = ("csv", "jsonl", "parquet")
STANDARD_STREAM: Final = "-"
_COLUMN_NAMES: Final = ("Reports", "Report Impression", "report", "text", "findings", "impression")
_HEADERS: Final = frozenset(name.lower() for name in (*_COLUMN_NAMES, "reports", "report_text"))


class ReportFileError(ValueError):
    """A file of reports that cannot be used; the message names the file, the row and what to do."""


def format_of(path: str, given: str | None = None) -> str:
    """Return the format of a file: as given, else by the ending of its name, else CSV.

    Raises:
        ReportFileError: If the ending belongs to no known format.
    """
    if given:
        return given
    ending = Path(path).suffix.lower().lstrip(".")
    if path == STANDARD_STREAM or not ending:
        return "csv"
    known = {"json": "jsonl", "ndjson": "jsonl", "txt": "csv", "pq": "parquet"}.get(ending, ending)
    if known not in FORMATS:
        raise ReportFileError(f"The file {path} ends in '.{ending}'; give its format: {', '.join(FORMATS)}.")
    return known


def read_reports(
    path: str, file_format: str = "csv", column: str | None = None, header: bool | None = None
) -> Iterator[str | None]:
    """Read the reports of a file, one per row.

    Args:
        path: The file; "-" for standard input.
        file_format: One of :data:`FORMATS`.
        column: The column or key that holds the reports. In CSV it means that the first row is a header;
            without it a CSV file has one column and no header, as the original tool's input.
        header: Whether a one-column CSV file has a header; None: it has if its first row is a known name of
            the column, which is then said on standard error.

    Yields:
        The reports in order; None where the file has a null. An empty row is an empty report.

    Raises:
        ReportFileError: If the file or a row cannot be read.
    """
    if file_format == "parquet":
        yield from _read_parquet(path, column)
        return
    try:
        with _open_text(path) as stream:
            yield from (
                _read_jsonl(path, stream, column)
                if file_format == "jsonl"
                else _read_csv(path, stream, column, header)
            )
    except OSError as error:
        raise ReportFileError(f"The file {path} cannot be read ({error.strerror}).") from error


def _read_csv(path: str, stream: IO[str], column: str | None, header: bool | None) -> Iterator[str | None]:
    csv.field_size_limit(sys.maxsize)
    rows = csv.reader(stream, strict=True)
    position, width, number = 0, 1, 0
    while True:
        number, line = number + 1, rows.line_num + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise ReportFileError(
                f"Row {number} of {path}, which starts in line {line}, is not valid CSV ({error}). "
                'Put the report in double quotes and double every quote inside it ("").'
            ) from error
        if row is None:
            return
        if number == 1 and column is not None:
            if column not in row:
                raise ReportFileError(f"The file {path} has no column '{column}'; it has: {', '.join(row)}.")
            position, width = row.index(column), len(row)
            continue
        if (
            number == 1
            and header is not False
            and len(row) == 1
            and (header or row[0].strip().lower() in _HEADERS)
        ):
            if header is None:
                sys.stderr.write(
                    f"Row 1 of {path} ('{row[0]}') is taken for a header; --no-header labels it.\n"
                )
            continue
        if len(row) != width and row:
            raise ReportFileError(
                f"Row {number} of {path}, line {line}, has {len(row)} columns instead of {width}. "
                "Put reports that contain commas in double quotes, or name their column (--column)."
            )
        yield row[position] if row else ""


def _read_jsonl(path: str, stream: IO[str], column: str | None) -> Iterator[str | None]:
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            yield ""
            continue
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise ReportFileError(f"Line {number} of {path} is not valid JSON ({error}).") from error
        if isinstance(entry, dict):
            column = column or _find_column(path, list(entry))
            if column not in entry:
                raise ReportFileError(
                    f"Line {number} of {path} has no key '{column}'; it has: {', '.join(entry)}."
                )
            entry = entry[column]
        if entry is not None and not isinstance(entry, str):
            raise ReportFileError(
                f"Line {number} of {path} holds {entry!r:.40}; a report must be text or null."
            )
        yield entry


def _read_parquet(path: str, column: str | None) -> Iterator[str | None]:
    try:
        # Parquet is read from its end, which a pipe does not have
        table = pq.ParquetFile(BytesIO(sys.stdin.buffer.read()) if path == STANDARD_STREAM else path)
    except (OSError, pa.ArrowException) as error:
        raise ReportFileError(f"The file {path} cannot be read as Parquet ({error}).") from error
    column = column or _find_column(path, table.schema_arrow.names)
    if column not in table.schema_arrow.names:
        raise ReportFileError(
            f"The file {path} has no column '{column}'; it has: {', '.join(table.schema_arrow.names)}."
        )
    kind = table.schema_arrow.field(column).type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)):
        raise ReportFileError(f"The column '{column}' of {path} holds {kind}; reports must be text.")
    for batch in table.iter_batches(columns=[column]):
        yield from batch.column(0).to_pylist()


def _find_column(path: str, names: Sequence[str]) -> str:
    for name in names if len(names) == 1 else _COLUMN_NAMES:
        if name in names:
            return name
    raise ReportFileError(
        f"Name the column of {path} that holds the reports (--column); it has: {', '.join(names)}."
    )


def chunked(reports: Iterable[str | None], size: int) -> Iterator[list[str | None]]:
    """Gather reports into lists of at most ``size``."""
    chunk: list[str | None] = []
    for report in reports:
        chunk.append(report)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _open_text(path: str) -> IO[str]:
    source: int | str = sys.stdin.fileno() if path == STANDARD_STREAM else path
    return open(
        source, encoding="utf-8-sig", errors="surrogateescape", newline="", closefd=path != STANDARD_STREAM
    )
