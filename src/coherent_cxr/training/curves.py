"""A training history as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 3


def learning_curves(history: pd.DataFrame, title: str) -> Figure:
    """Draw every metric of a history over its epochs, training and validation in one panel.

    Args:
        history: The long table (step, epoch, split, metric, value).
        title: Stands above the panels.

    Returns:
        A matplotlib figure; numbers per observation (named ``metric/observation``) are left out.
    """
    from matplotlib.figure import Figure

    shown = history[~history["metric"].str.contains("/")]
    metrics = list(dict.fromkeys(shown["metric"]))
    rows = max(-(-len(metrics) // COLUMNS), 1)
    figure = Figure(figsize=(3.6 * COLUMNS, 2.3 * rows), layout="constrained")
    panels = figure.subplots(rows, COLUMNS, squeeze=False).flatten()
    for panel, metric in zip(panels, metrics, strict=False):
        for split, marker in (("train", None), ("validation", "o")):
            part = shown[(shown["metric"] == metric) & (shown["split"] == split)]
            if len(part):
                panel.plot(
                    part["epoch"], part["value"], marker=marker, markersize=3, linewidth=1, label=split
                )
        panel.set_title(metric.replace("_", " "), fontsize=9)
        panel.tick_params(labelsize=7)
        panel.set_xlabel("epoch", fontsize=7)
        panel.legend(fontsize=7, frameon=False)
    for panel in panels[len(metrics) :]:
        panel.set_visible(False)
    figure.suptitle(title, fontsize=10)
    return figure
