"""Delimited text (CSV, TSV, semicolons, bars) to rows, strictly: every row has the header's fields."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from coherent_cxr.inputs.errors import TableError

DELIMITERS = (",", "\t", ";", "|")
_STATED = re.compile(r"\"?sep=([,;\t|])\"?\r?\n", re.IGNORECASE)  # the first line of what Excel exports
_NAMES = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}


def read_delimited(
    path: Path, text: str, columns: Sequence[str] | None = None
) -> tuple[list[str], Iterator[list[str]]]:
    """Split text into a header and rows.

    Args:
        path: The file, for messages.
        text: Its text.
        columns: Names that the header is expected to have; they settle which delimiter it uses.

    Returns:
        Names of the columns ("column 3" for a blank name), and the rows; blank lines are passed over.

    Raises:
        TableError: Also while the rows are read: for text that is not valid CSV, and for a row with more or
            fewer fields than the header, which is named by its number (the header is row 1).
    """
    csv.field_size_limit(sys.maxsize)
    if declared := _STATED.match(text):
        text = text[declared.end() :]
    delimiter = declared[1] if declared else _delimiter(text, columns or ())
    rows = _rows(path, text, delimiter)
    header = next(rows)[1]
    names = [name.strip() or f"column {number}" for number, name in enumerate(header, start=1)]
    return names, _checked(path, rows, len(names), delimiter)


def _checked(
    path: Path, rows: Iterator[tuple[int, list[str]]], width: int, delimiter: str
) -> Iterator[list[str]]:
    for number, (line, row) in enumerate(rows, start=2):
        if len(row) != width:
            where = (
                f"Row {number} of '{path}' (line {line}) has {len(row)} fields, but the header has {width}"
            )
            raise TableError(
                f"{where}. The fields are separated by {_NAMES[delimiter]}; put a text that contains them in "
                "double quotes."
                if len(row) > width
                else f"{where}. The row is cut short, or the file is."
            )
        yield row


def _rows(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line in which a row starts, and the row."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise TableError(
                f"The row of '{path}' that starts in line {line} is not valid ({error}). Put texts in double "
                'quotes and double every quote inside them ("").'
            ) from error
        if row is None:
            return
        if row and (len(row) > 1 or row[0].strip()):
            yield line, row


def _delimiter(text: str, columns: Sequence[str]) -> str:
    """Return the delimiter that gives the expected columns, else most columns; the comma if two do."""

    def fit(delimiter: str) -> tuple[int, int]:
        try:
            rows = _rows(Path(), text[:100_000], delimiter)
            header = [name.strip() for name in next(rows)[1]]
        except (TableError, StopIteration):
            return (-1, 0)
        return (len(set(columns) & set(header)), len(header))

    return max(DELIMITERS, key=fit)
