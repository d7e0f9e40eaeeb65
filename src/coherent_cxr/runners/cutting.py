"""Cutting tables into pieces that hold the same studies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from coherent_cxr.datasets.table_file import TableFile


def cut_by_study(tables: Mapping[str, TableFile]) -> Iterator[tuple[pd.DataFrame, ...]]:
    """Cut the first table by rows and the others where its studies end.

    Args:
        tables: Tables with a study_id. In the first each study has one row; the others have any number of
            rows for some or all of its studies, in its order.

    Yields:
        A piece of each table, in order.

    Raises:
        ValueError: If a table has rows that are never reached, because it is in another order.
    """
    (first, leading), *following = tables.items()
    others = {name: _Following(table) for name, table in following}
    for piece in leading.pieces():
        studies = set(piece["study_id"])
        yield (piece, *(other.take(studies) for other in others.values()))
    for name, other in others.items():
        if other.next_study is not None:
            raise ValueError(
                f"The tables '{name}' and '{first}' do not list the same studies in the same order; from "
                f"'{other.next_study}' on they differ. Make them again, first '{first}', then '{name}'."
            )


class _Following:
    def __init__(self, table: TableFile) -> None:
        self._pieces = table.pieces()
        self._rest = next(self._pieces)

    @property
    def next_study(self) -> str | None:
        return str(self._rest["study_id"].iloc[0]) if len(self._rest) else None

    def take(self, studies: set[str]) -> pd.DataFrame:
        """Return the next rows as long as they belong to these studies."""
        taken = []
        while True:
            others = [study not in studies for study in self._rest["study_id"]]
            end = others.index(True) if any(others) else len(others)
            taken.append(self._rest.iloc[:end])
            self._rest = self._rest.iloc[end:]
            following = None if len(self._rest) else next(self._pieces, None)
            if following is None:
                return pd.concat(taken, ignore_index=True)
            self._rest = following
