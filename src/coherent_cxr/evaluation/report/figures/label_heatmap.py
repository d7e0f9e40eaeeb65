"""One metric per observation and system, as a heat map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from coherent_cxr.evaluation.report.figures.literal import literal
from coherent_cxr.evaluation.report.figures.placing import placed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEWEST = 20
"""Positive references below which a cell is faded: one study changes it much."""
FADED = 0.25


def label_heatmap_figure(values: pd.DataFrame, positives: pd.Series, title: str) -> Figure:
    """Plot a metric between 0 and 1; cells with fewer than 20 positive references are faded.

    Args:
        values: Observations by systems.
        positives: Positive references of each observation.
        title: Name of the metric and its policy.
    """
    from matplotlib.figure import Figure

    figure = Figure(
        figsize=(2.6 + 0.75 * len(values.columns), 0.36 * len(values) + 1.6), layout="constrained"
    )
    panel = figure.subplots()
    few = np.array([int(positives[name]) < FEWEST for name in values.index])
    cover = np.where(few[:, None], FADED, 1.0) * np.ones(values.shape)
    panel.imshow(values.to_numpy(dtype=float), cmap="Blues", vmin=0, vmax=1, aspect="auto", alpha=cover)
    systems = [literal(str(system)) for system in values.columns]
    panel.set_xticks(range(len(systems)), systems, rotation=35, ha="left", fontsize=8)
    names = [f"{name} ({positives[name]})" for name in values.index]
    panel.set_yticks(range(len(values)), names, fontsize=8)
    panel.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    for (row, column), value in np.ndenumerate(values.to_numpy(dtype=float)):
        if not np.isnan(value):
            colour = "#8a94a3" if few[row] else "white" if value > 0.6 else "#1d2733"
            panel.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color=colour)
    figure.suptitle(title, fontsize=10)
    return placed(figure)
