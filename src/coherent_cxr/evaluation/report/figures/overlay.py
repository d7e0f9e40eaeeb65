"""Attention laid over a radiograph: cells as they are, one scale for all maps, the image visible below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.pages.colours import RAMP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_COVERED: Final = 0.7
"""Share of a cell's colour at the top of the scale; the rest is the radiograph."""
LEAST_TOP: Final = 0.05
"""A scale never ends below this share of the attention, so that next to nothing looks like nothing."""


def first_view(regions: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the map over the first of several views that stand below each other ``(rows, rows)``."""
    return np.asarray(regions[: regions.shape[1]], dtype=np.float64)


def top_of_scale(maps: Sequence[NDArray[np.floating]]) -> float:
    """Return the largest share of the attention on one cell of any map, at least :data:`LEAST_TOP`."""
    return max([LEAST_TOP, *(float(first_view(own).max()) for own in maps)])


def ramp(shares: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the colour ``(..., 3)``, 0 to 1, of shares of the scale ``(...)``, 0 to 1."""
    stops = np.array(RAMP) / 255
    places = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(shares, places, stops[:, part]) for part in range(3)], axis=-1)


def overlay(regions: NDArray[np.floating], shape: tuple[int, ...], top: float) -> NDArray[np.float64]:
    """Return a map in the size of an image.

    Args:
        regions: Share of the attention on each cell ``(rows, columns)``; of several views the first is shown.
        shape: Height and width of the image.
        top: Share at the top of the scale.

    Returns:
        Red, green, blue and cover, 0 to 1 ``(height, width, 4)``; a cell without attention covers nothing.
    """
    shares = (first_view(regions) / top).clip(0, 1)
    rows = np.arange(shape[0]) * shares.shape[0] // shape[0]
    columns = np.arange(shape[1]) * shares.shape[1] // shape[1]
    large = shares[np.ix_(rows, columns)]
    return np.concatenate([ramp(large), MOST_COVERED * large[..., None]], axis=-1)


def scale_bar(figure: Figure, panels: Sequence[Axes], top: float) -> None:
    """Draw the scale of all panels beside them."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize
    from matplotlib.ticker import PercentFormatter

    colours = ListedColormap(ramp(np.linspace(0, 1, 64)))
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, top), colours), ax=list(panels), fraction=0.03, pad=0.01, aspect=30
    )
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    bar.ax.tick_params(labelsize=7)
    bar.set_label("share of the attention on one cell", fontsize=7)
