"""Metrics of findings and of impressions, each alone, as tables of the page."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from coherent_cxr.chexpert.observations import OBSERVATIONS
from coherent_cxr.evaluation.headline import headline_metrics
from coherent_cxr.evaluation.tables import ByMetric


class SectionTable(NamedTuple):
    """Metrics of one section.

    Attributes:
        columns: Short names of the metrics.
        rows: By system, value and interval of each metric; None where a system has none.
    """

    columns: list[str]
    rows: dict[str, list[dict[str, Any] | None]]


def section_tables(metrics: pd.DataFrame | None, uncertain: str, judge: str) -> dict[str, SectionTable]:
    """Bring the metrics per section into the form of the page.

    Args:
        metrics: From :func:`~coherent_cxr.evaluation.sections.section_metrics`.
        uncertain: What an uncertain label counts as.
        judge: Rule set of the headline.

    Returns:
        By section; empty where reports have one section.
    """
    if metrics is None or metrics.empty:
        return {}
    named = headline_metrics(uncertain, [judge])
    short = [f"{name} {judge}" for name in ("macro-F1-10", f"micro-{len(OBSERVATIONS)}-F1")]
    columns = ["BLEU-4", "ROUGE-L", "CIDEr-D", *short]
    tables = {}
    for section, own in metrics.groupby("section", sort=False):
        found = ByMetric(own.reset_index(drop=True))
        by_column = [{row["system"]: row for row in found.records(named[name])} for name in columns]
        rows = {system: [cells.get(system) for cells in by_column] for system in found.systems}
        tables[str(section)] = SectionTable(columns, rows)
    return tables
