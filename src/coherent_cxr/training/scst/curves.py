"""A reinforcement run at a glance: curves drawn from its history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = {
    "CIDEr-D": ("cider", "cider_greedy"),
    "CCR": ("ccr", "ccr_greedy", "ccr_average"),
    "F-beta reward": ("f_beta", "f_beta_greedy", "f_beta_average"),
    "objective on the validation split": ("reward",),
    "advantage": ("advantage", "advantage_spread"),
    "CCR average per observation": ("ccr_average/",),
    "entropy of the next word (nats)": ("entropy",),
    "KL to the MLE model (nats per report)": ("kl",),
    "length of sampled reports": ("words", "sentences"),
    "variety of sampled reports": ("unique_reports", "repeat_rate"),
    "gradient norm": ("gradient_norm",),
    "share of the step in rewards": ("reward_share",),
}
"""Panels and the metrics they show; a name ending in / shows its terms, an empty panel is left out."""


def reward_curves(system: str, history: pd.DataFrame) -> Figure:
    """Draw the telemetry of a run.

    Args:
        system: Name of the system, for the title.
        history: The run's history (step, epoch, split, metric, value).

    Returns:
        A matplotlib figure with one panel per group of metrics.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 9), layout="constrained")
    axes = figure.subplots(3, 4).flatten()
    for axis, (title, metrics) in zip(axes, PANELS.items(), strict=True):
        _panel(axis, title, metrics, history)
    figure.suptitle(f"Reinforcement fine-tuning: {system}")
    return figure


def _panel(axis: Axes, title: str, metrics: tuple[str, ...], history: pd.DataFrame) -> None:
    split = "validation" if "validation" in title else "train"
    of_split = history[history["split"] == split]
    for metric in metrics:
        names = of_split["metric"]
        terms = names.str.startswith(metric) if metric.endswith("/") else names == metric
        for name, rows in of_split[terms].groupby("metric", sort=False):
            label = str(name).removeprefix(metric) if metric.endswith("/") else str(name)
            axis.plot(rows["step"], rows["value"], label=label, marker="o" if len(rows) < 10 else None)
    if not axis.lines:
        axis.set_axis_off()
        return
    axis.set_title(title, fontsize=10)
    axis.set_xlabel("step", fontsize=8)
    axis.tick_params(labelsize=8)
    axis.legend(fontsize=8 if len(axis.lines) < 6 else 5, loc="best")
