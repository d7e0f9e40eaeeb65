"""Learning curves from training histories: of one stage, one reinforcement run, or all stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from coherent_cxr.evaluation.report.figures.literal import literal
from coherent_cxr.pages.colours import LINES, system_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Lines = dict[str, pd.DataFrame]
"""History rows of each line, by its label."""
LIKELIHOOD, BASELINES, ENCODER = "mle", "baselines", "encoder"
SMOOTHED_FROM = 40
"""Points from which a training line is smoothed."""
STYLES = ("-", "--", ":", "-.")
PANELS, WIDTH = 3, 12.0
"""In a row; inches of a row."""
AXES, TITLE, XLABEL, YLABELS, LEGEND_ROW = 2.1, 0.3, 0.55, 0.5, 0.16
"""Height of a panel and the room that its texts take, in inches."""


class Panel(NamedTuple):
    """A panel: its title, the split and the metrics it shows; a name ending in / stands for its terms."""

    title: str
    split: str
    metrics: tuple[str, ...]


OF_STAGE = {
    "encoder": (Panel("AUROC, validation", "validation", ("auroc",)),),
    "likelihood": (
        Panel("word loss in training (nats)", "train", ("word_loss",)),
        Panel("macro-F1, validation", "validation", ("macro_f1",)),
        Panel("CIDEr-D, validation", "validation", ("cider",)),
    ),
    "baselines": (Panel("word loss in training (nats)", "train", ("word_loss",)),),
    "reinforcement": (
        Panel("macro-F1, validation", "validation", ("macro_f1",)),
        Panel("CIDEr-D, validation", "validation", ("cider",)),
        Panel("CCR, validation", "validation", ("ccr",)),
        Panel("reward of samples: CIDEr-D", "train", ("cider",)),
        Panel("reward of samples: CCR", "train", ("ccr",)),
        Panel("words per report, validation", "validation", ("words",)),
    ),
}
"""Stages have axes of their own: their epochs and their numbers are not the same."""
REWARD_PANELS = (
    Panel("CIDEr-D", "train", ("cider", "cider_greedy")),
    Panel("CCR", "train", ("ccr", "ccr_greedy", "ccr_average")),
    Panel("F-beta reward", "train", ("f_beta", "f_beta_greedy", "f_beta_average")),
    Panel("objective on the validation split", "validation", ("reward",)),
    Panel("advantage", "train", ("advantage", "advantage_spread")),
    Panel("CCR average per observation", "train", ("ccr_average/",)),
    Panel("entropy of the next word (nats)", "train", ("entropy",)),
    Panel("KL to the MLE model (nats per report)", "train", ("kl",)),
    Panel("length of sampled reports", "train", ("words", "sentences")),
    Panel("diversity of sampled reports", "train", ("unique_reports", "repeat_rate")),
    Panel("gradient norm", "train", ("gradient_norm",)),
    Panel("share of the step in rewards", "train", ("reward_share",)),
)


def learning_curves(history: pd.DataFrame, title: str) -> Figure:
    """Plot every metric of one history over its epochs, training and validation in one panel.

    Args:
        history: The long table (step, epoch, split, metric, value). Metrics per observation (named
            ``metric/observation``) are left out.
        title: Title of the figure.
    """
    shown = history[~history["metric"].str.contains("/")]
    panels = {
        metric.replace("_", " "): {
            split: rows
            for split in ("train", "validation")
            if len(rows := shown[(shown["metric"] == metric) & (shown["split"] == split)])
        }
        for metric in dict.fromkeys(shown["metric"])
    }
    return _figure(panels, "epoch", title)


def reward_curves(system: str, history: pd.DataFrame) -> Figure:
    """Plot the telemetry of a reinforcement run over its steps, a panel per group of metrics.

    Args:
        system: Name of the system, for the title.
        history: The run's history (step, epoch, split, metric, value).
    """
    panels = {}
    for panel in REWARD_PANELS:
        of_split = history[history["split"] == panel.split]
        lines = panels[panel.title] = Lines()
        for metric in panel.metrics:
            names = of_split["metric"]
            chosen = names.str.startswith(metric) if metric.endswith("/") else names == metric
            for name, rows in of_split[chosen].groupby("metric", sort=False):
                lines[str(name).removeprefix(metric) if metric.endswith("/") else str(name)] = rows
    return _figure(panels, "step", f"Reinforcement fine-tuning: {system}")


def curves_figure(histories: Mapping[str, pd.DataFrame]) -> Figure:
    """Plot the curves of all stages, each stage on its own axes, one line per system.

    Args:
        histories: History (step, epoch, split, metric, value) by stage or system; a stage that trains several
            systems has a column system, too. "mle (first)" is a history of the stage "mle".
    """
    panels = {}
    for stage, of_stage in OF_STAGE.items():
        own = {name: history for name, history in histories.items() if _stage(name) == stage}
        for panel in of_stage:
            panels[f"{stage}: {panel.title}"] = _by_system(panel, own)
    return _figure(panels, "epoch")


def _stage(name: str) -> str:
    first = name.split(" ")[0]
    return {LIKELIHOOD: "likelihood", BASELINES: "baselines", ENCODER: "encoder"}.get(first, "reinforcement")


def _by_system(panel: Panel, histories: Mapping[str, pd.DataFrame]) -> Lines:
    lines = Lines()
    for stage, history in histories.items():
        shown = history[(history["split"] == panel.split) & history["metric"].isin(panel.metrics)]
        systems = shown["system"] if "system" in shown else pd.Series(stage, shown.index)
        lines |= {str(system): own for system, own in shown.groupby(systems, sort=False)}
    return lines


def _figure(panels: Mapping[str, Lines], x: str, title: str = "") -> Figure:
    """Plot every panel that has lines, three in a row, each with room for its legend.

    Matplotlib's own layout measures every text to find the same places, which takes half of the time.
    """
    from matplotlib.figure import Figure

    shown = [(name, lines) for name, lines in panels.items() if lines]
    rows = [shown[start : start + PANELS] for start in range(0, len(shown), PANELS)]
    below = [XLABEL + LEGEND_ROW * max(-(-len(lines) // _columns(lines)) for _, lines in row) for row in rows]
    top = 0.4 if title else 0.1
    height = top + sum(TITLE + AXES + room for room in below)
    figure = Figure(figsize=(WIDTH, max(height, 1.0)))
    size = (WIDTH / PANELS - YLABELS - 0.1) / WIDTH, AXES / height
    bottom = height - top
    for row, room in zip(rows, below, strict=True):
        bottom -= TITLE + AXES
        for place, (name, lines) in enumerate(row):
            left = place / PANELS + YLABELS / WIDTH
            _plot(figure.add_axes((left, bottom / height, *size)), name, lines, x)
        bottom -= room
    if not shown:
        figure.text(0.5, 0.4, "no numbers yet", ha="center", fontsize=8)
    if title:
        figure.suptitle(title, y=1 - 0.05 / height)
    return figure


def _columns(lines: Lines) -> int:
    return 2 if len(lines) > 6 else min(len(lines), 3)


def _plot(axis: Axes, title: str, lines: Lines, x: str) -> None:
    from matplotlib.ticker import MaxNLocator

    styles = _styles(list(lines))
    for label, rows in lines.items():
        colour, style = styles[label]
        values = rows["value"]
        smooth = len(rows) >= SMOOTHED_FROM and bool((rows["split"] == "train").all())
        if smooth:
            axis.plot(rows[x], values, color=colour, linewidth=0.6, alpha=0.25, label="_raw")
            values = values.rolling(max(len(rows) // 20, 5), center=True, min_periods=1).mean()
        marker = "o" if len(rows) < 30 else None
        axis.plot(
            rows[x],
            values,
            color=colour,
            linestyle=style,
            label=label,
            linewidth=1.5,
            marker=marker,
            markersize=3,
        )
    axis.set_title(title, fontsize=10, loc="left")
    axis.set_xlabel("step" if x == "step" else "epoch of the stage", fontsize=8)
    axis.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axis.tick_params(labelsize=8)
    axis.grid(color="#e3e7ed", linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)
    handles, labels = axis.get_legend_handles_labels()
    # below the axis, where no line runs
    axis.legend(
        handles,
        [literal(label) for label in labels],
        loc="upper center",
        bbox_to_anchor=(0.5, -0.17),
        ncols=_columns(lines),
        fontsize=7 if len(lines) < 7 else 6,
        frameon=False,
    )


def _styles(names: list[str]) -> dict[str, tuple[str, str]]:
    """Return colour and line style; lines of one colour, as of one system in two runs, differ in style."""
    known = system_colours(names)
    ours = any(name.split(" ")[0] in ("mle", "nlg", "ccr", "full", "full_fbeta") for name in names)
    styles: dict[str, tuple[str, str]] = {}
    for place, name in enumerate(names):
        colour = known[name] if ours else LINES[place % len(LINES)]
        before = sum(colour == other for other, _ in styles.values())
        styles[name] = colour, STYLES[before % len(STYLES)]
    return styles
