"""The table of corrections: sentences, and what they say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from coherent_cxr.inputs.errors import TableError
from coherent_cxr.inputs.quoting import quote
from coherent_cxr.inputs.tables.null_words import is_null
from coherent_cxr.inputs.tables.reading import read_table

SENTENCE: Final = "sentence"
_LABELS: Final = {"1": 1, "1.0": 1, "0": 0, "0.0": 0, "-1": -1, "-1.0": -1}


def read_corrections(path: Path, observations: Sequence[str]) -> dict[str, dict[str, int | None]]:
    """Read what people say of sentences.

    Args:
        path: A table with the column ``sentence`` and columns named as observations; what has no column is
            left to the rules.
        observations: The labels there are.

    Returns:
        By sentence, 1, 0, -1 or None (not mentioned) by observation; the last row of a sentence counts.

    Raises:
        TableError: If the table cannot be read, has no such columns, or a cell is no label.
    """
    table = read_table(path)
    columns = [name for name in table.columns if name in observations]
    if SENTENCE not in table.columns or not columns:
        raise TableError(
            f"'{path}' has the columns {', '.join(map(str, table.columns))[:200]}; corrections have "
            f"'{SENTENCE}' and at least one that is named as a label: {', '.join(observations)}."
        )
    found: dict[str, dict[str, int | None]] = {}
    for number, row in enumerate(table.to_dict("records"), start=1):
        if is_null(row[SENTENCE]):
            continue
        said: dict[str, int | None] = {}
        for name in columns:
            cell = row[name]
            if not is_null(cell) and str(cell).strip() not in _LABELS:
                raise TableError(
                    f"Row {number} of '{path}' has {quote(str(cell))} under '{name}'; it must be 1, 0, -1 "
                    "or empty."
                )
            said[name] = None if is_null(cell) else _LABELS[str(cell).strip()]
        found[str(row[SENTENCE])] = said
    return found
