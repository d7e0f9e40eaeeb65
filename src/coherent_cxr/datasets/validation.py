"""Whether a table is what another stage needs, said without a cell of it."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd
from kedro.io import DatasetError
from kedro.utils import load_obj

SCHEMAS = "coherent_cxr.datasets.schemas"
MOST_SHOWN = 5
MISSING = "column_in_dataframe"
IN_WORDS = {
    "dtype('string[pyarrow]')": "is no text",
    "not_nullable": "has missing values",
    "field_uniqueness": "has values more than once",
    "multiple_fields_uniqueness": "has values more than once",
}


class TableSchemaError(DatasetError):
    """A table that does not fit its schema; the message holds columns, counts and row numbers, no cells."""


def check_table(table: pd.DataFrame, validator: str, place: str, columns: list[str] | None = None) -> None:
    """Refuse a table that does not fit; of an empty one only the columns' names count.

    Args:
        table: The table.
        validator: A schema in :mod:`.schemas`, or the import path of another one.
        place: What the table is called in the message.
        columns: The only columns that are there.

    Raises:
        TableSchemaError: If it does not fit.
    """
    from pandera.errors import SchemaErrors

    schema = load_obj(validator, SCHEMAS)
    if columns is not None:
        schema = schema.select_columns([name for name in columns if name in schema.columns])
        schema.unique = None  # named columns that may not be there
    cases = None
    try:
        schema.validate(table, lazy=True, inplace=True)
    except SchemaErrors as error:
        cases = error.failure_cases
    except TypeError:  # pandas cannot compare lists
        raise TableSchemaError(
            f"The table '{place}' has lists where its schema '{validator}' has none."
        ) from None
    if cases is None:
        return
    if table.empty:  # whose columns have no types
        cases = cases[cases["check"] == MISSING]
        if cases.empty:
            return
    grouped = cases.groupby(["column", "check"], dropna=False, sort=False)
    faults = [_fault(column, check, found) for (column, check), found in grouped]
    more = f"; and {len(faults) - MOST_SHOWN} more" if len(faults) > MOST_SHOWN else ""
    raise TableSchemaError(
        f"The table '{place}' does not fit its schema '{validator}': {'; '.join(faults[:MOST_SHOWN])}{more}. "
        "Run the pipeline that makes it again."
    )


def _fault(column: Hashable, check: Any, found: pd.DataFrame) -> str:
    if check == MISSING:
        return f"there is no column {', '.join(f'{name!r}' for name in found['failure_case'])}"
    rows = [row for row in found["index"] if isinstance(row, int)]
    where = f" in {len(set(rows))} rows, first in row {min(rows)}" if rows else ""
    return f"column '{column}' {IN_WORDS.get(str(check), f'fails the check {check}')}{where}"
