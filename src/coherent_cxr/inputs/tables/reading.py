"""The one reader of other people's tables: CSV, TSV, JSON, JSON Lines, Parquet, packed or not.

Strict where a table could be misread: a row with more or fewer fields than the header is refused by its
number, and so are a column named twice and an encoding that could only be guessed. Nothing becomes an index.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from coherent_cxr.inputs.errors import TableError
from coherent_cxr.inputs.limits import LimitError
from coherent_cxr.inputs.quoting import listed, quote
from coherent_cxr.inputs.tables.delimited import read_delimited
from coherent_cxr.inputs.tables.json_tables import cell, is_nested, read_json
from coherent_cxr.inputs.tables.null_words import is_null
from coherent_cxr.inputs.text.files import decode, read_bytes

__all__ = ["Table", "TableError", "describe", "load_table", "read_table"]

_DIGIT = re.compile(r"\d").search

_ENDINGS = {
    "csv": "delimited", "tsv": "delimited", "tab": "delimited", "txt": "delimited",
    "json": "json", "jsonl": "json", "ndjson": "json", "parquet": "parquet", "pq": "parquet",
}  # fmt: skip

LONGEST_NAME = 60
"""Most characters of what is believed to be the name of a column."""


class Table(NamedTuple):
    """A table as it stands in a file.

    Attributes:
        rows: Text cells (pandas' ``str``), missing where nothing stands; row 0 is the first after the header.
        columns: Names of all columns of the file, kept or not.
        nested: Columns that hold lists or objects (JSON, Parquet), whose cells are JSON, or bytes (Parquet)
            that are no text.
    """

    rows: pd.DataFrame
    columns: tuple[str, ...]
    nested: tuple[str, ...] = ()


def read_table(
    path: Path | str,
    columns: Sequence[str] | None = None,
    *,
    private: bool = False,
    keep_null_words: bool = False,
) -> pd.DataFrame:
    """Read columns of a table as text.

    Args:
        path: The file. Its content says what it is; its ending (.csv, .tsv, .json, .jsonl, .parquet, each
            also with .gz) decides where content does not.
        columns: Columns that must be there and hold single values; None reads all.
        private: Whether messages must not repeat anything from the file, not even names of columns.
        keep_null_words: Whether "nan", "None", "unknown" and the like stay as written instead of missing;
            blank cells are missing in any case.

    Returns:
        The columns, in the order asked for, as text (``str``); cells where nothing stands (see
        :func:`~coherent_cxr.inputs.tables.null_words.is_null`) are missing.

    Raises:
        TableError: If the file or a row cannot be read, or a column is not there.
    """
    table = load_table(path, columns, private=private, keep_null_words=keep_null_words)
    if columns is None:
        return table.rows
    missing = [name for name in columns if name not in table.rows]
    if missing:
        raise TableError(
            f"'{path}' has no column {' and '.join(missing)}; {describe(table, private=private)}."
        )
    if nested := [name for name in columns if name in table.nested]:
        raise TableError(
            f"The column '{nested[0]}' of '{path}' holds lists, objects or bytes; single texts are needed."
        )
    return table.rows[list(columns)]


def load_table(
    path: Path | str,
    columns_to_keep: Sequence[str] | None = None,
    *,
    private: bool = False,
    keep_null_words: bool = False,
    encoding: str | None = None,
) -> Table:
    """Read a table as text, without asking for columns.

    Args:
        path: As in :func:`read_table`.
        columns_to_keep: Columns to keep, where they are there; None keeps all.
        private: As in :func:`read_table`.
        keep_null_words: As in :func:`read_table`.
        encoding: Of a text file; None finds out.

    Raises:
        TableError: If the file or a row cannot be read.
    """
    path = Path(path)
    try:
        columns, kept, cells, nested = _load(path, columns_to_keep, encoding)
    except TableError:
        raise
    except LimitError as error:
        raise TableError(f"{error} Split it into smaller tables.") from error
    except MemoryError as error:
        raise TableError(f"'{path}' does not fit into memory; split it into smaller tables.") from error
    except Exception as error:  # foreign bytes: decoders raise whatever they like, Arrow an OSError, too
        if isinstance(error, OSError) and error.errno:
            raise TableError(f"'{path}' cannot be read ({error.strerror}).") from error
        detail = type(error).__name__ if private else f"{type(error).__name__}: {quote(str(error))}"
        raise TableError(f"'{path}' is damaged or is not what its name says ({detail}).") from error
    if twice := sorted(name for name, times in Counter(kept).items() if times > 1):
        which = "" if private else f" ({listed(twice)})"
        raise TableError(f"'{path}' has two columns of the same name{which}; rename one of them.")
    texts = {n: _text(c, keep_null_words) for n, c in zip(kept, cells, strict=True)}
    return Table(pd.DataFrame(texts, columns=kept), tuple(columns), tuple(nested))


def describe(table: Table, *, private: bool = False) -> str:
    """Return which columns a table has, for a sentence."""
    names = list(table.columns)
    if not names:
        return "it holds no rows"
    if private:
        return f"it has {len(names)} columns"
    if any(len(name) > LONGEST_NAME for name in names):
        return f"it has {len(names)} columns, and its first row is a text, not a header"
    return f"it has {listed(names)}"


Columns = tuple[Sequence[str], list[str], list[list[str | None]], list[str]]
"""Names of all columns, of those kept, cells of these by column, and which of these hold lists or objects."""


def _load(path: Path, columns_to_keep: Sequence[str] | None, encoding: str | None) -> Columns:
    suffixes = [suffix.lower().lstrip(".") for suffix in path.suffixes]
    ending = next((s for s in reversed(suffixes) if s != "gz"), "")
    content = read_bytes(path)
    if content.startswith(b"PAR1"):
        return _parquet(path, content, columns_to_keep)
    kind = _ENDINGS.get(ending, "delimited")
    if kind == "parquet":
        raise TableError(f"'{path}' is not Parquet, though its name says so; it is damaged or cut short.")
    text = decode(path, content, encoding)
    if kind == "json" or text.lstrip()[:1] in ("{", "["):
        return _json(path, text, columns_to_keep)
    names, rows = read_delimited(path, text, columns_to_keep)
    kept = [place for place, name in enumerate(names) if columns_to_keep is None or name in columns_to_keep]
    cells: list[list[str | None]] = [
        list(column) for column in zip(*([r[k] for k in kept] for r in rows), strict=True)
    ]
    return names, [names[k] for k in kept], cells or [[] for _ in kept], []


def _json(path: Path, text: str, columns_to_keep: Sequence[str] | None) -> Columns:
    rows = read_json(path, text)
    names = list(dict.fromkeys(name for row in rows for name in row))
    kept = [name for name in names if columns_to_keep is None or name in columns_to_keep]
    nested = [name for name in kept if any(is_nested(row.get(name)) for row in rows)]
    return names, kept, [[cell(row.get(name)) for row in rows] for name in kept], nested


def _parquet(path: Path, content: bytes, columns_to_keep: Sequence[str] | None) -> Columns:
    from coherent_cxr.inputs.tables.parquet import ParquetTable

    table = ParquetTable(content, len(content), f"'{path}'")
    names = table.schema.names
    kept = [name for name in names if columns_to_keep is None or name in columns_to_keep]
    values: list[list[Any]] = [[] for _ in kept]
    for batch in table.batches(kept):
        for column, more in zip(values, batch.columns, strict=True):
            column += more.to_pylist()
    values = [_as_texts(column) for column in values]
    nested = [
        name
        for name, column in zip(kept, values, strict=True)
        if any(is_nested(value) or isinstance(value, bytes) for value in column)
    ]
    return names, kept, [[_parquet_cell(value) for value in column] for column in values], nested


def _as_texts(column: list[Any]) -> list[Any]:
    """Decode a column of bytes if all of it is text, as some writers do not say which it is."""
    if not any(isinstance(value, bytes) for value in column):
        return column
    try:
        return [value.decode() if isinstance(value, bytes) else value for value in column]
    except UnicodeDecodeError:
        return column


def _parquet_cell(value: object) -> str | None:
    return cell(value) if value is None or isinstance(value, (str, list, dict, bool)) else str(value)


def _text(cells: Sequence[Any], keep_null_words: bool) -> pd.Series:
    kept = [None if c is None or _is_blank(c, keep_null_words) else c for c in cells]
    return pd.Series(kept, dtype="str")


def _is_blank(text: str, keep_null_words: bool) -> bool:
    # most cells are ids, numbers and dates; no null word has a digit, and is_null takes ten times as long
    return not text.strip() if keep_null_words else not _DIGIT(text) and is_null(text)
