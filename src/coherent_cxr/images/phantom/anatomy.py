"""The normal frontal chest of one fabricated person, as shapes in body coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.images.phantom.description import Side, Zone

Field = NDArray[np.floating[Any]]
SIGN: dict[Side, float] = {"right": -1.0, "left": 1.0}


@dataclass(frozen=True)
class Anatomy:
    """Measures of one person and one exposure; lengths are shares of the image's side.

    Attributes:
        shift: Displacement of the midline (u) and of the chest (v).
        tilt: Rotation of the body in the image plane, radians.
        thorax: Half the width of the rib cage.
        apex: Height of the lung apices, from the top.
        domes: Height of the right and left diaphragm dome.
        heart_ratio: Cardiothoracic ratio; about 0.42 to 0.48 is normal.
        mediastinum: Half the width of the upper mediastinum.
        fat: Thickness of the soft tissue outside the ribs.
        brightness: Added to all grey levels, of 1.
        contrast: Factor on all grey levels around the middle.
        grain: Standard deviation of the film noise, of 1.
    """

    shift: tuple[float, float]
    tilt: float
    thorax: float
    apex: float
    domes: tuple[float, float]
    heart_ratio: float
    mediastinum: float
    fat: float
    brightness: float
    contrast: float
    grain: float

    @classmethod
    def sample(cls, rng: np.random.Generator, volume: float = 0.0) -> Anatomy:
        """Draw a person.

        Args:
            rng: Source of the variation.
            volume: Inspiration from -1 (low lung volumes) to 1 (hyperexpanded lungs).
        """
        dome = 0.735 + 0.05 * volume + rng.normal(0, 0.010)
        return cls(
            shift=(float(rng.normal(0, 0.012)), float(rng.normal(0, 0.012))),
            tilt=float(rng.normal(0, 0.02)),
            thorax=float(rng.uniform(0.355, 0.395)),
            apex=float(rng.uniform(0.09, 0.12)),
            domes=(float(dome), float(dome + rng.uniform(0.012, 0.03))),
            heart_ratio=float(rng.uniform(0.42, 0.47)),
            mediastinum=float(rng.uniform(0.055, 0.063)),
            fat=float(rng.uniform(0.03, 0.08)),
            brightness=float(rng.normal(0, 0.02)),
            contrast=float(rng.uniform(0.92, 1.08)),
            grain=float(rng.uniform(0.008, 0.018)),
        )


class Chest:
    """An anatomy laid over a pixel grid.

    Attributes:
        size: Side of the image in pixels.
        u: Distance from the midline to the patient's left (size, size); about -0.5 to 0.5.
        v: Height from the top (size, size); about 0 to 1.
        lungs: Per side, how much a pixel belongs to the lung field (size, size), 0 to 1.
        diaphragm: Per side, height of the diaphragm at each pixel's column (size, size).
        wall: Per side, distance from the midline to the inner chest wall at each pixel's height (size, size).
    """

    def __init__(self, anatomy: Anatomy, size: int) -> None:
        self.anatomy = anatomy
        self.size = size
        axis = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
        x, y = axis[None, :] - np.float32(anatomy.shift[0]), axis[:, None] - np.float32(anatomy.shift[1])
        cos, sin = np.float32(np.cos(anatomy.tilt)), np.float32(np.sin(anatomy.tilt))
        self.u: Field = x * cos + y * sin
        self.v: Field = y * cos - x * sin + np.float32(0.5)
        self.softness = 0.006
        self.lungs: dict[Side, Field] = {}
        self.diaphragm: dict[Side, Field] = {}
        self.wall: dict[Side, Field] = {}
        for side in SIGN:
            self._lay_lung(side)

    def outward(self, side: Side) -> Field:
        """Return the distance from the midline towards one side (size, size), negative across it."""
        return self.u if side == "left" else -self.u

    def edge(self, distance: Field, softness: float | None = None) -> Field:
        """Return 0 to 1 across a border: 0.5 where the signed distance is 0, 1 inside (positive)."""
        scaled = distance * np.float32(0.5 / (softness or self.softness)) + np.float32(0.5)
        clipped = np.clip(scaled, 0, 1)
        return np.asarray(clipped * clipped * (3 - 2 * clipped))

    def ellipse(self, centre: tuple[float, float], radii: tuple[float, float], angle: float = 0.0) -> Field:
        """Return each pixel's distance to a centre (u, v) in units of an ellipse's radii (size, size)."""
        du, dv = self.u - np.float32(centre[0]), self.v - np.float32(centre[1])
        if angle:
            cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
            du, dv = du * cos + dv * sin, dv * cos - du * sin
        return np.sqrt((du / np.float32(radii[0])) ** 2 + (dv / np.float32(radii[1])) ** 2)

    def dome(self, side: Side) -> float:
        """Return the height of a diaphragm's dome."""
        return self.anatomy.domes[0 if side == "right" else 1]

    def place(self, side: Side, zone: Zone, across: float = 0.55) -> tuple[float, float]:
        """Return a point (u, v) of a lung: a zone's height, and a share of the way from hilum to wall."""
        share = {"upper": 0.27, "middle": 0.52, "lower": 0.80}[zone]
        v = self.anatomy.apex + share * (self.dome(side) - self.anatomy.apex)
        inner, outer = 0.09, float(self._wall_at(np.float32(v), side))
        if zone == "lower" and side == "left":
            across = max(across, 0.68)  # beside the heart, not behind it
        return SIGN[side] * (inner + across * (outer - inner)), v

    def to_pixels(self, points: NDArray[np.float64], scale: int = 1) -> list[tuple[float, float]]:
        """Turn body coordinates (points, 2) into pixel coordinates on a grid ``scale`` times finer."""
        anatomy = self.anatomy
        cos, sin = np.cos(anatomy.tilt), np.sin(anatomy.tilt)
        u, v = points[:, 0], points[:, 1] - 0.5
        x = (u * cos - v * sin + anatomy.shift[0] + 0.5) * self.size * scale
        y = (v * cos + u * sin + anatomy.shift[1] + 0.5) * self.size * scale
        return list(zip(x.tolist(), y.tolist(), strict=True))

    def _wall_at(self, v: Field | np.float32, side: Side) -> Field:
        anatomy = self.anatomy
        centre = 0.45 * anatomy.thorax
        descent = np.clip((v - np.float32(anatomy.apex)) / np.float32(0.48), 0, 1)
        arc = np.sqrt(np.maximum(1 - (1 - descent) ** 2, 0))
        return np.asarray(centre + (anatomy.thorax - centre) * arc, dtype=np.float32)

    def _lay_lung(self, side: Side) -> None:
        anatomy, outward = self.anatomy, self.outward(side)
        wall = self._wall_at(self.v, side)
        apical = np.clip((self.v - np.float32(anatomy.apex)) / np.float32(0.10), 0, 1)
        centre = 0.45 * anatomy.thorax
        inner = centre - (centre - np.float32(0.03)) * np.sqrt(np.maximum(1 - (1 - apical) ** 2, 0))
        lateral = (outward - np.float32(0.45 * anatomy.thorax)) / np.float32(0.55 * anatomy.thorax)
        slope = np.where(lateral > 0, np.float32(0.115), np.float32(0.03))
        squared = lateral * lateral
        diaphragm = np.float32(self.dome(side)) + slope * squared * np.where(lateral > 0, np.abs(lateral), 1)
        self.wall[side], self.diaphragm[side] = wall, diaphragm
        self.lungs[side] = (
            self.edge(wall - outward)
            * self.edge(outward - inner)
            * self.edge(diaphragm - self.v)
            * (self.v > np.float32(anatomy.apex))
        )
