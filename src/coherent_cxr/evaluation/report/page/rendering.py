"""Templates, and what several sections need to fill them."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray
from PIL import Image


def render(template: str, **values: Any) -> str:
    """Fill a template of the page; every text is escaped."""
    environment = Environment(
        loader=PackageLoader("coherent_cxr.evaluation.report.page"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template(template).render(**values)


def data_uri(pixels: NDArray[np.uint8], size: int | None = None) -> str:
    """Return an image as a PNG inside an address.

    Args:
        pixels: Grey ``(height, width)`` or coloured ``(height, width, 3 or 4)`` image.
        size: Longest side in pixels; a larger image is made smaller.
    """
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if size is not None:
        image.thumbnail((size, size))
    data = io.BytesIO()
    image.save(data, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode("ascii")
