"""Quality of the encoder's label classifier: areas under the ROC curve, reliability, operating points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from coherent_cxr.evaluation.metrics.label_quality import MEAN, SCORED_SPLITS
from coherent_cxr.evaluation.report.figures.placing import placed
from coherent_cxr.pages.colours import LINES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"validation": LINES[-1], "test": LINES[0]}


def encoder_figure(quality: pd.DataFrame, reliability: pd.DataFrame, thresholds: pd.DataFrame) -> Figure:
    """Plot the three panels.

    Args:
        quality: From :func:`~coherent_cxr.evaluation.metrics.label_quality.label_quality`.
        reliability: ``split``, ``predicted``, ``observed``, ``decisions``.
        thresholds: Per ``operating_point`` and ``observation`` the validation ``precision`` and ``recall``.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.4), layout="constrained")
    areas, bins, points = figure.subplots(1, 3, width_ratios=[1.5, 1, 1])
    _areas(areas, quality)
    _reliability(bins, reliability)
    _operating_points(points, thresholds)
    return placed(figure)


def _areas(axes: Axes, quality: pd.DataFrame) -> None:
    names = list(dict.fromkeys(quality["observation"]))
    names = [name for name in names if name != MEAN] + [MEAN] * (MEAN in names)
    for offset, split in enumerate(SCORED_SPLITS):
        own = quality[quality["split"] == split]
        place = np.array([names.index(name) for name in own["observation"]]) + 0.25 * (offset - 0.5)
        axes.hlines(place, own["low"], own["high"], color=COLOURS[split], linewidth=1.5)
        axes.plot(own["auroc"], place, "o", color=COLOURS[split], markersize=4, label=split)
    axes.axvline(0.5, color="#cccccc", linewidth=1, zorder=0)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("area under the ROC curve, 95 % interval over patients", fontsize=8)
    if len(quality):
        axes.legend(fontsize=8, frameon=False, loc="lower left")


def _reliability(axes: Axes, reliability: pd.DataFrame) -> None:
    axes.plot([0, 1], [0, 1], color="#cccccc", linewidth=1)
    for split, own in reliability.groupby("split", sort=False):
        axes.plot(
            own["predicted"], own["observed"], "o-", color=COLOURS[str(split)], markersize=4, label=split
        )
    axes.set_xlabel("predicted probability, all labels together", fontsize=8)
    axes.set_ylabel("share that came true", fontsize=8)
    if len(reliability):
        axes.legend(fontsize=8, frameon=False, loc="upper left")


def _operating_points(axes: Axes, thresholds: pd.DataFrame) -> None:
    table = thresholds[thresholds["observation"] != "No Finding"]
    right = (table["precision"] * table["called"]).fillna(0)
    promised = (table["expected_precision"] * table["called"]).fillna(0)
    sums = (
        table.assign(right=right, promised=promised, likely=promised / table["expected_recall"])
        .groupby("operating_point", sort=False)[
            ["right", "promised", "likely", "called", "validation_positives"]
        ]
        .sum()
    )
    sums = sums[sums["called"] > 0]
    promise = pd.DataFrame(
        {"recall": sums["promised"] / sums["likely"], "precision": sums["promised"] / sums["called"]}
    ).sort_values("recall")
    reached = pd.DataFrame(
        {"recall": sums["right"] / sums["validation_positives"], "precision": sums["right"] / sums["called"]}
    ).loc[promise.index]
    # a thin line from what was promised to what was reached
    for (_, row), (_, there) in zip(promise.iterrows(), reached.iterrows(), strict=True):
        ends = [row["recall"], there["recall"]], [row["precision"], there["precision"]]
        axes.plot(*ends, color="#c9c9c9", linewidth=0.8, zorder=0)
    axes.scatter(
        promise["recall"],
        promise["precision"],
        s=25,
        facecolor="white",
        edgecolor="#9a9a9a",
        label="promised",
    )
    names = [str(point) for point in reached.index]
    held = [point for point in names if point.startswith("precision-")]
    others = [point for point in names if point not in held]
    for points, line in ((others, "-"), (held, ":")):
        family = reached.loc[points]
        axes.plot(
            family["recall"], family["precision"], f"o{line}", color=COLOURS["validation"], markersize=5
        )
    axes.plot([], [], "o-", color=COLOURS["validation"], label="reached")
    for point, row in reached.iterrows():
        place = (row["recall"], row["precision"])
        axes.annotate(str(point), place, (5, 5), textcoords="offset points", fontsize=7)
    axes.set_xlim(0, 1.15)
    axes.set_ylim(0, 1.1)
    axes.set_xlabel("recall over all labels, validation", fontsize=8)
    axes.set_ylabel("precision over all labels, validation", fontsize=8)
    if len(reached):
        axes.legend(fontsize=8, frameon=False, loc="lower left")
