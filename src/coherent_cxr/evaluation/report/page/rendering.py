"""Templates, and what several sections need to fill them."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from coherent_cxr.pages import rendering

PACKAGE = "coherent_cxr.evaluation.report.page"


def render(template: str, **values: Any) -> str:
    """Fill a template of the page; every text is escaped."""
    return rendering.render(PACKAGE, template, **values)


def data_uri(pixels: NDArray[np.uint8], size: int | None = None) -> str:
    """Return an image inside an address: a grey one as PNG, a coloured one as JPEG, which is much smaller.

    Args:
        pixels: Grey ``(height, width)`` or coloured ``(height, width, 3)`` image.
        size: Longest side in pixels; a larger image is made smaller.
    """
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if size is not None:
        image.thumbnail((size, size))
    data, kind = io.BytesIO(), "PNG" if image.mode == "L" else "JPEG"
    image.save(data, format=kind, optimize=True, quality=85)
    encoded = base64.b64encode(data.getvalue()).decode("ascii")
    return f"data:image/{kind.lower()};base64,{encoded}"
