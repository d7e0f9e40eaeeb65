"""Reading the long tables of metrics and comparisons."""

from __future__ import annotations

from typing import Any

import pandas as pd

from coherent_cxr.evaluation.metrics.measures import Metric

KEYS = ["metric", "labels", "average", "uncertain", "rules"]


def judges_of(metrics: pd.DataFrame) -> list[str]:
    """Return the rule sets that judged, that of the headline first."""
    return [str(rules) for rules in dict.fromkeys(metrics["rules"]) if rules]


def rows_of(table: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """Return the rows of one metric of a table with one row per system, by system."""
    chosen = (table[KEYS] == list(metric)).all(axis=1)
    return table[chosen].set_index("system")


class ByMetric:
    """A long table, cut by metric once; much faster than looking for many metrics one by one."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.systems = list(dict.fromkeys(table["system"]))
        self._table = table
        self._rows = table.groupby(KEYS, sort=False).indices
        self._cells = {str(name): table[name].tolist() for name in table}

    def rows(self, metric: Metric) -> pd.DataFrame:
        """Return the rows of one metric; none if it has none."""
        return self._table.iloc[self._rows.get(tuple(metric), [])]

    def records(self, metric: Metric) -> list[dict[str, Any]]:
        """Return the same rows as mappings, which a page reads hundreds of."""
        rows = self._rows.get(tuple(metric), [])
        return [{name: cells[row] for name, cells in self._cells.items()} for row in rows]


def label_table(metrics: pd.DataFrame, name: str, uncertain: str, rules: str) -> pd.DataFrame:
    """Return one metric of every observation, observations by systems; NaN where a system has none."""
    from coherent_cxr.chexpert import OBSERVATIONS

    chosen = metrics[(metrics["metric"] == name) & (metrics["uncertain"] == uncertain)]
    chosen = chosen[chosen["rules"] == rules]
    chosen = chosen[chosen["labels"].isin(OBSERVATIONS) & (chosen["average"] == "")]
    wide = chosen.pivot(index="labels", columns="system", values="value")
    return wide.reindex(index=list(OBSERVATIONS), columns=list(dict.fromkeys(metrics["system"])))
