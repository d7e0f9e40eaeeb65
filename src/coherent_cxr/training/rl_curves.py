"""A reinforcement run at a glance: curves drawn from its history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = {
    "reward, sampled and greedy": ("cider", "cider_greedy", "ccr", "ccr_greedy", "f_beta", "f_beta_greedy"),
    "advantage": ("advantage", "advantage_spread"),
    "validation objective": ("reward",),
    "entropy of the next word (nats)": ("entropy",),
    "KL to the MLE model (nats per report)": ("kl",),
    "length of reports": ("words", "sentences"),
    "variety": ("unique_reports", "repeat_rate"),
    "gradient norm": ("gradient_norm",),
    "share of the step in rewards": ("reward_share",),
}
"""Panel titles and the metrics they show; one a run does not have is left out."""


def reward_curves(system: str, history: pd.DataFrame) -> Figure:
    """Draw the telemetry of a run.

    Args:
        system: Name of the system, for the title.
        history: The run's history (step, epoch, split, metric, value).

    Returns:
        A matplotlib figure with one panel per group of metrics.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 8), layout="constrained")
    axes = figure.subplots(3, 3).flatten()
    for axis, (title, metrics) in zip(axes, PANELS.items(), strict=True):
        _panel(axis, title, metrics, history)
    figure.suptitle(f"Reinforcement fine-tuning: {system}")
    return figure


def _panel(axis: Axes, title: str, metrics: tuple[str, ...], history: pd.DataFrame) -> None:
    for metric in metrics:
        split = "validation" if metric == "reward" else "train"
        rows = history[(history["metric"] == metric) & (history["split"] == split)]
        if len(rows):
            axis.plot(rows["step"], rows["value"], label=metric, marker="o" if len(rows) < 10 else None)
    axis.set_title(title, fontsize=10)
    axis.set_xlabel("step", fontsize=8)
    axis.tick_params(labelsize=8)
    if axis.lines:
        axis.legend(fontsize=8)
