"""Learning curves of every stage, from the histories that the stages wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Panel(NamedTuple):
    """A panel: its title, the split and the metrics it shows."""

    title: str
    split: str
    metrics: tuple[str, ...]


PANELS = (
    Panel("encoder: AUROC on validation", "validation", ("auroc",)),
    Panel("word loss in training (nats)", "train", ("word_loss",)),
    Panel("macro-F1 on validation", "validation", ("macro_f1",)),
    Panel("CIDEr-D on validation", "validation", ("cider",)),
    Panel("CCR on validation", "validation", ("ccr",)),
    Panel("reward of sampled reports: CIDEr-D", "train", ("cider",)),
    Panel("reward of sampled reports: CCR", "train", ("ccr",)),
    Panel("words per report on validation", "validation", ("words",)),
)


def curves_figure(histories: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw every panel that has something to show.

    Args:
        histories: History (step, epoch, split, metric, value) by stage or system; a stage that trains several
            systems has a column system, too.
    """
    from matplotlib.figure import Figure

    lines = {panel.title: _lines(panel, histories) for panel in PANELS}
    lines = {title: of_panel for title, of_panel in lines.items() if of_panel}
    rows, across = max(-(-len(lines) // 3), 1), 3
    figure = Figure(figsize=(12, 2.9 * rows), layout="constrained")
    panels = figure.subplots(rows, across, squeeze=False).flatten()
    for panel, (title, of_panel) in zip(panels, lines.items(), strict=False):
        _draw(panel, title, of_panel)
    for panel in panels[len(lines) :]:
        panel.set_visible(False)
    return figure


def _lines(panel: Panel, histories: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    lines: dict[str, pd.DataFrame] = {}
    for stage, history in histories.items():
        shown = history[(history["split"] == panel.split) & history["metric"].isin(panel.metrics)]
        systems = shown["system"] if "system" in shown else pd.Series(stage, shown.index)
        lines |= {str(system): own for system, own in shown.groupby(systems, sort=False)}
    return lines


def _draw(panel: Axes, title: str, lines: Mapping[str, pd.DataFrame]) -> None:
    for name, rows in lines.items():
        few = len(rows) < 30
        panel.plot(
            rows["epoch"], rows["value"], label=name, linewidth=1.4, marker="o" if few else None, markersize=3
        )
    panel.set_title(title, fontsize=10, loc="left")
    panel.set_xlabel("epoch of the stage", fontsize=8)
    panel.tick_params(labelsize=8)
    panel.grid(color="#e3e7ed", linewidth=0.6)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(fontsize=7, frameon=False)
