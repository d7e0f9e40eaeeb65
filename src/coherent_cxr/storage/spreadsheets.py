"""CSV files whose cells a spreadsheet does not take for formulas."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import pandas as pd

_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
T = TypeVar("T")


def as_text(cell: T) -> T | str:
    """Return a cell with an apostrophe before it if a spreadsheet would take it for a formula.

    These are texts that begin with ``=``, ``+``, ``-``, ``@``, their wide forms of East Asian keyboards, a
    tab or a line end, unless they are numbers. Reading the file back, the apostrophe is part of the text.
    """
    if isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def table_as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Apply :func:`as_text` to a table's text cells and column names; numbers are not changed."""
    from pandas.api.types import is_numeric_dtype

    safe = table.rename(columns=as_text)
    for name in safe.columns[[not is_numeric_dtype(kind) for kind in safe.dtypes]]:
        safe[name] = safe[name].map(as_text)
    return safe
