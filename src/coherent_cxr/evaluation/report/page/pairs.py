"""Every system against every other, for one metric."""

from __future__ import annotations

from typing import NamedTuple

from coherent_cxr.evaluation.metrics.measures import Metric
from coherent_cxr.evaluation.tables import ByMetric


class Pair(NamedTuple):
    """Row system minus column system, and the paired p-value, adjusted for all pairs."""

    difference: float
    p_value: float


def pairs(comparisons: ByMetric, metric: Metric) -> dict[str, dict[str, Pair]]:
    """Return the differences by row and column system; empty if fewer than two systems have the metric."""
    table: dict[str, dict[str, Pair]] = {}
    for row in comparisons.records(metric):
        first, second = str(row["system"]), str(row["other"])
        difference, p_value = float(row["difference"]), float(row["adjusted_p_value"])
        table.setdefault(first, {})[second] = Pair(difference, p_value)
        table.setdefault(second, {})[first] = Pair(-difference, p_value)
    return table
