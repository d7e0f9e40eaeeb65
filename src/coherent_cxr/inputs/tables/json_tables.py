"""JSON to rows, in the shapes in which people keep tables of reports."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coherent_cxr.inputs.errors import TableError
from coherent_cxr.inputs.split_names import SPLITS

_SURROGATE = re.compile("[\ud800-\udfff]")
_SPLIT_KEYS = frozenset({*SPLITS, "val"})
_COLUMN_NAMES = frozenset(
    {"id", "study_id", "image_id", "report", "findings", "text", "generated", "reference"}
)
_SHAPES = (
    'a list of objects, one object a line, {"id": {...}}, {"id": "text"}, {"column": [...]}, or '
    '{"train": [{...}], "test": [{...}]}'
)
Row = dict[str, Any]


def read_json(path: Path, text: str) -> list[Row]:
    """Read rows from JSON or JSON Lines.

    Args:
        path: The file, for messages.
        text: Its text. A list of objects; an object per line; objects or texts by id (the id becomes the
            column ``id`` where there is none), each also in a list of its own; rows under one key beside
            single values; lists of objects by split, as R2Gen's annotation.json (the split becomes the column
            ``split``); lists of values by column; pandas' orientations ``columns``, ``index``, ``records``,
            ``split`` and ``table``.

    Returns:
        The rows; a key that a row lacks is missing in it.

    Raises:
        TableError: If it is no JSON, or of another shape.
    """
    try:
        content = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as whole:
        lines = [(n, line) for n, line in enumerate(text.splitlines(), start=1) if line.strip()]
        if len(lines) < 2 or not lines[0][1].lstrip().startswith("{") or isinstance(whole, RecursionError):
            raise TableError(f"'{path}' is not valid JSON ({_reason(whole)}).") from whole
        content = [_line(path, number, line) for number, line in lines]
    rows = _rows(content)
    if rows is None or not all(isinstance(row, dict) for row in rows):
        raise TableError(f"'{path}' is JSON, but no table that is known here. Known are {_SHAPES}.")
    return rows


def cell(value: Any) -> str | None:
    """Return a JSON value as the text of a cell: None where it is null, JSON where it is a list or object."""
    if value is None or isinstance(value, str):
        return value if value is None else _valid(value)
    return json.dumps(value, default=str) if isinstance(value, (list, dict, bool)) else repr(value)


def is_nested(value: Any) -> bool:
    """Return whether a JSON value is no single value."""
    return isinstance(value, (list, dict))


def _valid(text: str) -> str:
    """Replace lone surrogates, which no file can hold."""
    return _SURROGATE.sub("\ufffd", text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {_valid(name): value for name, value in pairs}


def _line(path: Path, number: int, line: str) -> Any:
    try:
        return json.loads(line, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise TableError(f"Line {number} of '{path}' is not valid JSON ({_reason(error)}).") from error


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, line {error.lineno}"
    return "nested too deeply" if isinstance(error, RecursionError) else "a number is too long"


def _rows(content: Any) -> list[Any] | None:
    if isinstance(content, list):
        return content
    if not isinstance(content, dict) or not content:
        return None
    if isinstance(content.get("columns"), list) and isinstance(content.get("data"), list):
        names = [_valid(str(name)) for name in content["columns"]]
        same = all(isinstance(row, list) and len(row) == len(names) for row in content["data"])
        return [dict(zip(names, row, strict=True)) for row in content["data"]] if same else None
    if isinstance(content.get("data"), list) and isinstance(content.get("schema"), dict):
        return list(content["data"])
    return _of_values(content)


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _is_single(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1 and isinstance(value[0], (str, dict))


def _of_values(content: Mapping[str, Any]) -> list[Any] | None:
    values = list(content.values())
    if not _COLUMN_NAMES & set(content):
        tables = [value for value in values if _is_table(value)]
        if len(tables) == 1 and not any(is_nested(value) for value in values if value is not tables[0]):
            return list(tables[0])  # beside what describes it: {"model": "...", "reports": [{...}]}
        if len(values) > 1 and not _SPLIT_KEYS & set(content) and all(_is_single(value) for value in values):
            return _of_values({name: value[0] for name, value in content.items()})  # as COCO's captions
    if all(isinstance(value, list) for value in values):
        if all(isinstance(row, dict) for value in values for row in value):
            return [
                {"split": name, **row} if name in _SPLIT_KEYS else row
                for name, part in content.items()
                for row in part
            ]
        if len({len(value) for value in values}) == 1:
            return [dict(zip(content, row, strict=True)) for row in zip(*values, strict=True)]
        return None
    if all(isinstance(value, dict) for value in values):
        keys = values[0].keys()
        if all(value.keys() == keys for value in values) and set(keys) == set(map(str, range(len(keys)))):
            return [{name: value[key] for name, value in content.items()} for key in keys]
        return [{"id": name, **value} for name, value in content.items()]
    texts = all(value is None or isinstance(value, str) for value in values)
    if texts and not _COLUMN_NAMES & set(content):
        return [{"id": name, "text": value} for name, value in content.items()]
    return [dict(content)]  # one row, as a JSON Lines file of one line
