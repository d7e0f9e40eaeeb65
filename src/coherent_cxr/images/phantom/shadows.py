"""What findings cast on the image: densities, lucencies and thin bright lines."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from coherent_cxr.images.phantom.anatomy import Chest, Field

Reals = NDArray[np.float64]


class Shadows:
    """Layers that findings draw into, over one chest.

    Attributes:
        density: Share of the remaining light that lung and pleura take away (size, size), 0 to 1: brighter on
            the film, but not where the heart is dense already.
        hardware: The same for devices, which show through everything.
        lucency: Share of the film's brightness taken away (size, size), 0 to 1: darker.
        markings: Factor on the lung's vessels (size, size); 0 where there are none.
    """

    def __init__(self, chest: Chest) -> None:
        self.chest = chest
        self.density: Field = np.zeros((chest.size, chest.size), dtype=np.float32)
        self.hardware: Field = np.zeros((chest.size, chest.size), dtype=np.float32)
        self.lucency: Field = np.zeros((chest.size, chest.size), dtype=np.float32)
        self.markings: Field = np.ones((chest.size, chest.size), dtype=np.float32)

    def add(self, density: Field) -> None:
        """Lay a density (size, size), 0 to 1, over those already there."""
        self.density = 1 - (1 - self.density) * (1 - np.clip(density, 0, 1))

    def darken(self, lucency: Field) -> None:
        """Lay a lucency (size, size), 0 to 1, over those already there."""
        self.lucency = np.maximum(self.lucency, lucency)

    def implant(self, density: Field) -> None:
        """Lay a device's density (size, size), 0 to 1, over those already there."""
        self.hardware = 1 - (1 - self.hardware) * (1 - np.clip(density, 0, 1))

    def wire(self, points: NDArray[np.float64], width: float, strength: float) -> None:
        """Lay a device's line through points (points, 2), ``width`` as share of the image's side."""
        self.implant(stroke(self.chest, [(points, width)]) * np.float32(strength))


def stroke(chest: Chest, lines: list[tuple[NDArray[np.float64], float]]) -> Field:
    """Draw lines on a finer grid and average it down.

    Args:
        chest: Gives the grid and its coordinates.
        lines: Points (points, 2) in body coordinates and a width as share of the image's side, each.

    Returns:
        Coverage (size, size), 0 to 1.
    """
    fine = 2 if chest.size >= 192 else 3
    canvas = Image.new("L", (chest.size * fine, chest.size * fine))
    pen = ImageDraw.Draw(canvas)
    for points, width in lines:
        thickness = max(fine, round(width * chest.size * fine))
        pen.line(chest.to_pixels(points, fine), fill=255, width=thickness)
    return np.asarray(canvas.reduce(fine), dtype=np.float32) / np.float32(255)


def smooth_noise(rng: np.random.Generator, size: int, cells: int) -> Field:
    """Return noise (size, size) of standard deviation about 1, with ``cells`` features along a side."""
    coarse = rng.standard_normal((cells + 2, cells + 2), dtype=np.float32)
    image = Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(image, dtype=np.float32)


def curve(*points: tuple[float, float], steps: int = 24) -> NDArray[np.float64]:
    """Return a smooth curve (steps, 2) through points in body coordinates (Catmull-Rom spline)."""
    knots = np.asarray([points[0], *points, points[-1]], dtype=np.float64)
    piece, t, squared, cubed = _places(len(points) - 1, steps)
    before, start, end, after = (knots[piece + k] for k in range(4))
    return np.asarray(
        0.5
        * (
            2 * start
            + (end - before) * t
            + (2 * before - 5 * start + 4 * end - after) * squared
            + (3 * start - before - 3 * end + after) * cubed
        )
    )


@cache
def _places(pieces: int, steps: int) -> tuple[NDArray[np.int64], Reals, Reals, Reals]:
    """Return of each step the piece (steps,) and the place in it with its square and cube (steps, 1)."""
    places = np.linspace(0, pieces, steps)
    piece = np.minimum(places.astype(int), pieces - 1)
    t = (places - piece)[:, None]
    return piece, t, t**2, t**3
