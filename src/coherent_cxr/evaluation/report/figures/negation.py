"""Mean attention of affirmed and of denied mentions, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.chexpert import NEGATIVE, OBSERVATIONS, POSITIVE
from coherent_cxr.evaluation.report.figures.overlay import overlay, scale_bar, top_of_scale

if TYPE_CHECKING:
    from coherent_cxr.evaluation.attention.maps import AttendedMention

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def negation_figure(
    mentions: Sequence[AttendedMention],
    background: NDArray[np.uint8],
    max_observations: int = 5,
    min_mentions: int = 5,
) -> Figure:
    """Plot the mean maps over the mean image, for the observations with the most mentions of both kinds.

    All maps have one scale: attention on the sentinel is missing from them, so a map that is mostly
    sentinel looks empty.

    Args:
        mentions: Mentions with their maps.
        background: Mean test image ``(size, size)``.
        max_observations: Most observations to draw.
        min_mentions: Mentions of either kind that an observation needs.
    """
    from matplotlib.figure import Figure

    counts = {
        name: [sum(m.observation == name and m.status == s for m in mentions) for s in (POSITIVE, NEGATIVE)]
        for name in OBSERVATIONS
    }
    shown = sorted((n for n, c in counts.items() if min(c) >= min_mentions), key=lambda n: -min(counts[n]))[
        :max_observations
    ]
    figure = Figure(figsize=(2.3 * max(len(shown), 2) + 0.6, 5.4), layout="constrained")
    if not shown:
        figure.text(0.5, 0.5, "No observation is both affirmed and denied often enough.", ha="center")
        return figure
    panels = figure.subplots(2, len(shown), squeeze=False)
    words = {POSITIVE: "affirmed", NEGATIVE: "denied"}
    maps = {
        (name, status): np.mean(
            [m.regions * (1 - m.sentinel) for m in mentions if (m.observation, m.status) == (name, status)],
            axis=0,
        )
        for name in shown
        for status in words
    }
    top = top_of_scale(list(maps.values()))
    for (name, status), regions in maps.items():
        row = list(words).index(status)
        panel = panels[row][shown.index(name)]
        panel.imshow(background, cmap="gray")
        panel.imshow(overlay(regions, background.shape, top))
        on_image = f"{regions.sum():.0%} of it on the image"
        panel.set_title(f"{name}\n{words[status]}: {counts[name][row]} mentions\n{on_image}", fontsize=7)
        panel.axis("off")
    scale_bar(figure, panels.flatten().tolist(), top)
    return figure
