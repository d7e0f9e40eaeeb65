"""Mean attention of affirmed and of denied mentions, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from coherent_cxr.chexpert import NEGATIVE, OBSERVATIONS, POSITIVE
from coherent_cxr.evaluation.attention.maps import AttendedMention
from coherent_cxr.evaluation.attention.negation import mean_map

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def negation_figure(
    mentions: Sequence[AttendedMention],
    background: NDArray[np.uint8],
    max_observations: int = 5,
    min_mentions: int = 5,
) -> Figure:
    """Plot the mean maps over the mean image, for the observations with the most mentions of both kinds.

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
    figure = Figure(figsize=(2.3 * max(len(shown), 2), 4.8), layout="constrained")
    if not shown:
        figure.text(0.5, 0.5, "No observation is both affirmed and denied often enough.", ha="center")
        return figure
    panels = figure.subplots(2, len(shown), squeeze=False)
    for column, name in enumerate(shown):
        own = [mention for mention in mentions if mention.observation == name]
        for row, (status, word) in enumerate(((POSITIVE, "affirmed"), (NEGATIVE, "denied"))):
            panel = panels[row][column]
            regions = mean_map(own, status)
            regions = regions[: regions.shape[1]]  # the first view
            panel.imshow(background, cmap="gray")
            panel.imshow(enlarged(regions, background.shape), cmap="inferno", alpha=0.5)
            panel.set_title(f"{name}\n{word}: {counts[name][row]} mentions", fontsize=8)
            panel.axis("off")
    return figure


def enlarged(regions: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return a map in the size of an image, largest value 1 ``(height, width)``."""
    scaled = Image.fromarray((regions / max(float(regions.max()), 1e-12)).astype(np.float32))
    return np.asarray(scaled.resize((shape[1], shape[0]), Image.Resampling.BICUBIC)).clip(0, 1)
