"""A figure as text that a page can hold."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def inline_svg(figure: Figure, name: str, description: str) -> str:
    """Return a figure as an SVG element; the same figure gives the same bytes.

    Args:
        figure: The figure.
        name: Sets its ids apart from those of other figures on the page.
        description: What a person who cannot see it should know.
    """
    import matplotlib as mpl

    data = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        figure.savefig(data, format="svg", metadata={"Date": None, "Creator": None})
    svg = data.getvalue()
    svg = svg[svg.index("<svg") :]
    # ids are unique within a figure only, and several stand on one page
    svg = re.sub(r'(\bid="|xlink:href="#|url\(#)', rf"\g<1>{name}-", svg)
    label = description.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
