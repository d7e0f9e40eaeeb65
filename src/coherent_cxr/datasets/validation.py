"""Whether a table is what another stage needs, said without a cell of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import pandas as pd
from kedro.validation.exceptions import DataValidationError
from pandera.errors import SchemaErrors
from pandera.pandas import DataFrameSchema

from coherent_cxr.pieces.table_file import Table, TableFile

MISSING = "column_in_dataframe"
IN_WORDS = {
    "dtype('string[pyarrow]')": "is no text",
    "a number": "is not a number",
    "not_nullable": "has missing values",
    "field_uniqueness": "has values more than once",
    "multiple_fields_uniqueness": "has values more than once",
}


class TableValidator:
    """What Kedro calls when it has loaded a table and before it saves one.

    Kedro's own way with a pandera schema quotes cells; these messages hold columns, counts and row numbers.

    Args:
        schema: Makes what the table must be like, when a table is there.
    """

    def __init__(self, schema: Callable[[], DataFrameSchema]) -> None:
        self._schema = schema

    def validate(self, data: Table) -> Table:
        """Check a table, or see to it that every piece is checked when it is read.

        Raises:
            DataValidationError: If the table does not fit.
        """
        if isinstance(data, TableFile):
            data.check = self.check
        else:
            self.check(data)
        return data

    def check(self, table: pd.DataFrame, columns: list[str] | None = None) -> None:
        """Refuse a table that does not fit; of an empty one only the columns' names count.

        Args:
            table: The table.
            columns: The only columns that are there.

        Raises:
            DataValidationError: If it does not fit.
        """
        schema = self._schema()
        if columns is not None:
            schema = schema.select_columns([name for name in columns if name in schema.columns])
            schema.unique = None  # names columns that may not be there
        try:
            schema.validate(table, lazy=True, inplace=True)
        except SchemaErrors as error:
            faults = _faults(error.failure_cases, empty=table.empty)
        except TypeError:  # pandas cannot compare lists
            faults = ["there are lists where single values belong"]
        else:
            return
        if faults:
            message = f"{'; '.join(faults)}. Run the pipeline that makes it again."
            raise DataValidationError(message) from None


def _faults(cases: pd.DataFrame, empty: bool) -> list[str]:
    if empty:  # columns without rows have no types
        cases = cases[cases["check"] == MISSING]
    grouped = cases.groupby(["column", "check"], dropna=False, sort=False)
    return [_fault(column, check, found) for (column, check), found in grouped]


def _fault(column: Hashable, check: Any, found: pd.DataFrame) -> str:
    if check == MISSING:
        return f"there is no column {', '.join(f'{name!r}' for name in found['failure_case'])}"
    rows = [row for row in found["index"] if isinstance(row, int)]
    where = f" in {len(set(rows))} rows, first in row {min(rows)}" if rows else ""
    return f"column '{column}' {IN_WORDS.get(str(check), f'fails the check {check}')}{where}"
