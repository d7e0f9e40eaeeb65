"""Places the panels of a figure once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def placed(figure: Figure) -> Figure:
    """Place a figure's panels for good, and return it.

    As long as a figure has a layout engine, matplotlib draws it twice whenever it is saved: once for the
    layout.
    """
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)
    return figure
