"""Requests for a report, of images made here."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
from PIL import Image

JSON = {"Content_Type": "application/json"}


def picture(side: int) -> bytes:
    stream = io.BytesIO()
    levels = np.random.default_rng(side).integers(0, 255, (side, side), dtype=np.uint8)
    Image.fromarray(levels).save(stream, format="PNG")
    return stream.getvalue()


def ramp(side: int) -> bytes:
    """Return a small file that takes its time to decode."""
    stream = io.BytesIO()
    levels = np.tile(np.linspace(0, 255, side).astype(np.uint8), (side, 1))
    Image.fromarray(levels).save(stream, format="PNG", compress_level=1)
    return stream.getvalue()


def asked(*images: bytes) -> bytes:
    return json.dumps({"images": [base64.b64encode(image).decode() for image in images]}).encode()


SMALL = asked(picture(90))
