"""Headline metrics with their intervals: one panel per metric, one line per system."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from coherent_cxr.evaluation.headline import headline_metrics
from coherent_cxr.evaluation.report.figures.literal import literal
from coherent_cxr.evaluation.tables import ByMetric, judges_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OURS, OTHERS = "#1f5fa8", "#8a94a3"


def intervals_figure(metrics: pd.DataFrame, uncertain: str, compared: set[str]) -> Figure:
    """Plot value and 95 % interval of every system.

    Args:
        metrics: The table of all metrics.
        uncertain: What an uncertain label counts as.
        compared: Baselines, plotted in grey.
    """
    from matplotlib.figure import Figure

    systems = list(dict.fromkeys(metrics["system"]))
    by_metric = ByMetric(metrics)
    columns = {
        name: table
        for name, metric in headline_metrics(uncertain, judges_of(metrics)).items()
        if len(table := by_metric.rows(metric).set_index("system"))
    }
    rows, across = -(-len(columns) // 5), min(len(columns), 5)
    figure = Figure(figsize=(2.5 * across, rows * (0.26 * len(systems) + 0.9)), layout="constrained")
    panels = figure.subplots(rows, across, sharey=True, squeeze=False).flatten()
    for panel, (name, table) in zip(panels, columns.items(), strict=False):
        for place, system in enumerate(systems):
            if system not in table.index:
                continue
            row = table.loc[system]
            colour = OTHERS if system in compared else OURS
            panel.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=2)
            panel.plot([row["value"]], [place], "o", color=colour, markersize=5)
        panel.set_title(name, fontsize=10, loc="left")
        panel.grid(axis="x", color="#e3e7ed", linewidth=0.6)
        panel.tick_params(labelsize=8, length=0)
        panel.spines[["top", "right", "left"]].set_visible(False)
    for panel in panels[len(columns) :]:
        panel.set_visible(False)
    panels[0].set_yticks(range(len(systems)), [literal(str(system)) for system in systems])
    panels[0].invert_yaxis()
    return figure
