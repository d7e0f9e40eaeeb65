"""Headline metrics with their intervals: one panel per metric, one line per system."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import pandas as pd

from coherent_cxr.evaluation.headline import headline_metrics
from coherent_cxr.evaluation.metrics.measures import Metric
from coherent_cxr.evaluation.reference_rows import REFERENCE_ROWS
from coherent_cxr.evaluation.report.figures.literal import literal
from coherent_cxr.evaluation.report.figures.placing import placed
from coherent_cxr.evaluation.tables import ByMetric, judges_of
from coherent_cxr.pages.colours import system_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACROSS = 4
"""Panels in a row."""
NULL_SYSTEMS = frozenset(REFERENCE_ROWS) | {"major class", "constant"}
"""Systems that use no image."""
PADDING = 0.06
"""Of the axis, beyond the outermost interval."""


def intervals_figure(
    metrics: pd.DataFrame,
    uncertain: str,
    compared: Collection[str],
    columns: Mapping[str, Metric] | None = None,
) -> Figure:
    """Plot value and 95 % interval of every system.

    The axis spans the systems that read the image. One that lies beside it (a null system, an upper bound)
    is an arrow at the edge with its value.

    Args:
        metrics: The table of all metrics.
        uncertain: What an uncertain label counts as.
        compared: Baselines, plotted in grey.
        columns: Metric by short name; None plots the whole headline.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    systems = list(dict.fromkeys(metrics["system"]))
    colours = system_colours(systems, compared)
    by_metric = ByMetric(metrics)
    shown = headline_metrics(uncertain, judges_of(metrics)) if columns is None else columns
    tables = {
        name: table
        for name, metric in shown.items()
        if len(table := by_metric.rows(metric).set_index("system"))
    }
    rows, across = -(-len(tables) // ACROSS), min(len(tables), ACROSS)
    size = (3.1 * across, rows * (0.24 * len(systems) + 0.9))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(rows, across, sharey=True, squeeze=False).flatten()
    for panel, (name, table) in zip(panels, tables.items(), strict=False):
        low, high = axis_span(table)
        known = table.assign(
            place=[systems.index(name) for name in table.index],
            colour=[colours[str(name)] for name in table.index],
        )
        inside = known["value"].between(low, high)
        _intervals(panel, known[inside], (low, high))
        for row in known[~inside].to_dict("records"):
            _arrow(panel, row["place"], row["value"], row["colour"], (low, high))
        panel.set_xlim(low, high)
        panel.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        panel.set_title(name, fontsize=10, loc="left")
        panel.grid(axis="x", color="#e3e7ed", linewidth=0.6)
        panel.tick_params(labelsize=8, length=0)
        panel.tick_params(axis="y", pad=9)
        panel.spines[["top", "right", "left"]].set_visible(False)
    for panel in panels[len(tables) :]:
        panel.set_visible(False)
    panels[0].set_yticks(range(len(systems)), [literal(str(system)) for system in systems])
    panels[0].invert_yaxis()
    return placed(figure)


def axis_span(table: pd.DataFrame) -> tuple[float, float]:
    """Return both ends of an axis: the intervals of all systems but null systems and upper bounds, padded.

    Args:
        table: ``value``, ``low``, ``high`` by system.
    """
    aside = [
        name for name in table.index if name in NULL_SYSTEMS or "oracle" in name or "true labels" in name
    ]
    spanned = table.drop(index=aside) if len(aside) < len(table) else table
    low, high = float(spanned["low"].min()), float(spanned["high"].max())
    room = PADDING * ((high - low) or abs(high) or 1.0)
    return low - room, high + room


def _intervals(panel: Axes, shown: pd.DataFrame, span: tuple[float, float]) -> None:
    """Plot all intervals of a panel as one artist and all values as another: hundreds take seconds."""
    low, high = span
    panel.hlines(
        shown["place"],
        shown["low"].clip(lower=low),
        shown["high"].clip(upper=high),
        colors=shown["colour"].tolist(),
        linewidth=2,
    )
    panel.scatter(shown["value"], shown["place"], s=36, c=shown["colour"].tolist(), linewidths=0, zorder=2)


def _arrow(panel: Axes, place: int, value: float, colour: str, span: tuple[float, float]) -> None:
    low, high = span
    beyond = value > high
    at = high if beyond else low
    panel.plot([at], [place], ">" if beyond else "<", color=colour, markersize=6, clip_on=False)
    offset = (-8, 0) if beyond else (8, 0)
    panel.annotate(
        f"{value:.3f}",
        (at, place),
        offset,
        textcoords="offset points",
        fontsize=7,
        color="#566272",
        ha="right" if beyond else "left",
        va="center",
    )
