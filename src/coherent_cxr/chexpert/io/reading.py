"""Reports from files, row by row: CSV as the original tool's, JSON Lines, and Parquet.

No row is lost or shifted: a row is a report, or the reading stops with a sentence that names it.
"""

from __future__ import annotations

import codecs
import csv
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, Final

from coherent_cxr.inputs.errors import TableError
from coherent_cxr.inputs.limits import LimitError, read_at_most
from coherent_cxr.inputs.quoting import listed, quote
from coherent_cxr.inputs.tables.parquet import ParquetTable
from coherent_cxr.inputs.text.files import MAX_BYTES, refuse_other_kinds

FORMATS: Final = ("csv", "jsonl", "parquet")
STANDARD_STREAM: Final = "-"
MOST_CHARACTERS: Final = 2**24
"""Most characters of a line and of a report; the longest reports have a few thousand."""
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
        raise ReportFileError(
            f"The file {path} ends in '.{ending}'; give its format, {', '.join(FORMATS)}, "
            "with --input_format or --output_format."
        )
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
            the column, which is then reported on standard error.

    Yields:
        The reports in order; None where the file has a null. An empty row is an empty report.

    Raises:
        ReportFileError: If the file or a row cannot be read.
    """
    try:
        if file_format == "parquet":
            yield from _read_parquet(path, column)
            return
        with _open_text(path) as stream:
            yield from (
                _read_jsonl(path, stream, column)
                if file_format == "jsonl"
                else _read_csv(path, _lines(path, stream), column, header)
            )
    except ReportFileError:
        raise
    except (TableError, LimitError) as error:
        raise ReportFileError(str(error)) from error
    except OSError as error:
        raise ReportFileError(
            f"The file {path} cannot be read ({error.strerror or quote(str(error))})."
        ) from error
    except Exception as error:  # foreign bytes: decoders raise whatever they like
        detail = f"{type(error).__name__}: {quote(str(error))}"
        raise ReportFileError(f"The file {path} is damaged or is no {file_format} ({detail}).") from error


def _lines(path: str, stream: IO[str], first: str | None = None) -> Iterator[str]:
    """Yield lines, the first as it was read; a device may never end one, and neither may what is no text."""
    line = stream.readline(MOST_CHARACTERS + 1) if first is None else first
    while line:
        if len(line) > MOST_CHARACTERS:
            raise ReportFileError(
                f"The file {path} has a line of more than {MOST_CHARACTERS:,} characters, so no reports."
            )
        yield line
        line = stream.readline(MOST_CHARACTERS + 1)


def _read_csv(
    path: str, stream: Iterator[str], column: str | None, header: bool | None
) -> Iterator[str | None]:
    csv.field_size_limit(MOST_CHARACTERS)
    delimiter, lines = _delimiter(stream, column)
    rows = csv.reader(lines, strict=True, delimiter=delimiter)
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
                raise ReportFileError(
                    f"The file {path} has no column '{column}' (--column); it has: {listed(row)}."
                )
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
                    f"Row 1 of {path} ({quote(row[0])}) is taken for a header; --no-header labels it.\n"
                )
            continue
        if len(row) != width and row:
            raise ReportFileError(
                f"Row {number} of {path}, line {line}, has {len(row)} columns instead of {width}. "
                "Put reports that contain commas in double quotes, or name their column (--column)."
            )
        yield row[position] if row else ""


def _delimiter(stream: Iterator[str], column: str | None) -> tuple[str, Iterable[str]]:
    """Return the delimiter that shows the column in the header, the comma without one, and all lines."""
    if column is None:
        return ",", stream
    header = next(stream, "")
    for delimiter in (",", "\t", ";", "|"):
        if column in next(csv.reader([header], delimiter=delimiter), []):
            return delimiter, chain([header], stream)
    return ",", chain([header], stream)


def _read_jsonl(path: str, stream: IO[str], column: str | None) -> Iterator[str | None]:
    first = stream.readline(MOST_CHARACTERS + 1)
    if first.lstrip().startswith("["):
        text = first + stream.read(MAX_BYTES)
        if len(text) > MAX_BYTES:
            raise ReportFileError(f"The file {path} is too large for one JSON list; write one entry a line.")
        yield from _read_json_list(path, text, column)
        return
    for number, line in enumerate(_lines(path, stream, first), start=1):
        if not line.strip():
            yield ""
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ReportFileError(f"Line {number} of {path} is not valid JSON ({_reason(error)}).") from error
        if isinstance(entry, dict):
            column = column or _find_column(path, list(entry))
        yield _entry(f"Line {number} of {path}", entry, column)


def _read_json_list(path: str, text: str, column: str | None) -> Iterator[str | None]:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReportFileError(f"The file {path} is not valid JSON ({_reason(error)}).") from error
    for number, entry in enumerate(entries, start=1):
        if isinstance(entry, dict):
            column = column or _find_column(path, list(entry))
        yield _entry(f"Entry {number} of {path}", entry, column)


def _entry(where: str, entry: object, column: str | None) -> str | None:
    if isinstance(entry, dict):
        if column not in entry:
            raise ReportFileError(f"{where} has no key '{column}' (--column); it has: {listed(list(entry))}.")
        entry = entry[column]
    if entry is not None and not isinstance(entry, str):
        raise ReportFileError(f"{where} holds {entry!r:.40}; a report must be text or null.")
    return entry


def _reason(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else quote(str(error)).strip("'")


def _read_parquet(path: str, column: str | None) -> Iterator[str | None]:
    import pyarrow as pa

    try:
        # Parquet is read from its end, which a pipe does not have
        standard = path == STANDARD_STREAM
        source = read_at_most(sys.stdin.buffer, MAX_BYTES, "standard input") if standard else path
        size = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
        table = ParquetTable(source, size, f"The file {path}")
    except (OSError, pa.ArrowException) as error:
        raise ReportFileError(f"The file {path} cannot be read as Parquet ({quote(str(error))}).") from error
    column = column or _find_column(path, table.schema.names)
    if column not in table.schema.names:
        raise ReportFileError(
            f"The file {path} has no column '{column}' (--column); it has: {listed(table.schema.names)}."
        )
    kind = table.schema.field(column).type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)):
        raise ReportFileError(f"The column '{column}' of {path} holds {kind}; reports must be text.")
    for batch in table.batches([column]):
        yield from batch.column(0).to_pylist()


def _find_column(path: str, names: Sequence[str]) -> str:
    for name in names if len(names) == 1 else _COLUMN_NAMES:
        if name in names:
            return name
    raise ReportFileError(
        f"Name the column of {path} that holds the reports (--column); it has: {listed(list(names))}."
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
    if path == STANDARD_STREAM:
        return open(
            sys.stdin.fileno(), encoding="utf-8-sig", errors="surrogateescape", newline="", closefd=False
        )
    with Path(path).open("rb") as file:
        head = file.read(8)
    refuse_other_kinds(Path(path), head)
    # bytes that are no UTF-8 go through as they are, as in the original tool; UTF-16 would become nonsense
    wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return Path(path).open(encoding="utf-16" if wide else "utf-8-sig", errors="surrogateescape", newline="")
