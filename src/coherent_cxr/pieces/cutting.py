"""Cutting tables into pieces that hold the same studies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from coherent_cxr.pieces.table_file import Table, pieces_of


def cut_by_study(tables: Mapping[str, Table]) -> Iterator[dict[str, pd.DataFrame]]:
    """Cut the first table by rows and the others where its studies end.

    Args:
        tables: Tables with a study_id. In the first each study has one row; the others have any number of
            rows for some or all of its studies, in its order.

    Yields:
        A piece of each table by its name, in order.

    Raises:
        ValueError: If a table has rows that are never reached, because it is in another order.
    """
    (first, leading), *following = tables.items()
    others = {name: _Following(table) for name, table in following}
    for piece in pieces_of(leading):
        studies = set(piece["study_id"])
        yield {first: piece, **{name: other.take(studies) for name, other in others.items()}}
    for name, other in others.items():
        if other.next_study is not None:
            raise ValueError(
                f"The tables '{name}' and '{first}' do not list the same studies in the same order; from "
                f"'{other.next_study}' on they differ. Make them again, first '{first}', then '{name}'."
            )


class _Following:
    def __init__(self, table: Table) -> None:
        self._pieces = pieces_of(table)
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
