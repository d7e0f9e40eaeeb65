"""Support devices: lines, ports, pacemakers, wires, tubes and valves."""

from __future__ import annotations

import numpy as np

from coherent_cxr.images.phantom.anatomy import SIGN
from coherent_cxr.images.phantom.description import Finding
from coherent_cxr.images.phantom.shadows import Shadows, curve

METAL, PLASTIC = 0.85, 0.62
LINE = 0.011


def draw_device(shadows: Shadows, finding: Finding, rng: np.random.Generator) -> None:
    """Draw one device; an uncertain one is fainter."""
    strength = min(1.0, 0.5 + 0.5 * finding.severity)
    _DRAW[finding.kind](shadows, SIGN[finding.side], strength, rng)


def _catheter(shadows: Shadows, sign: float, strength: float, rng: np.random.Generator) -> None:
    apex = shadows.chest.anatomy.apex
    tip = (-0.04, apex + rng.uniform(0.28, 0.34))
    route = curve(
        (sign * 0.44, apex + 0.16),
        (sign * 0.30, apex + 0.10),
        (sign * 0.14, apex + 0.085),
        (-0.045, apex + 0.16),
        tip,
        steps=40,
    )
    shadows.wire(route, LINE, PLASTIC * strength)


def _port(shadows: Shadows, sign: float, strength: float, rng: np.random.Generator) -> None:
    chest, apex = shadows.chest, shadows.chest.anatomy.apex
    centre = (sign * 0.25, apex + rng.uniform(0.17, 0.21))
    distance = chest.ellipse(centre, (0.034, 0.034))
    ring = np.exp(-(((distance - 1) / np.float32(0.28)) ** 2)) + 0.55 * (distance < 1)
    shadows.implant(np.asarray(METAL * strength * ring, dtype=np.float32))
    shadows.wire(
        curve(centre, (sign * 0.17, apex + 0.03), (sign * 0.07, apex + 0.06), (-0.04, apex + 0.30), steps=40),
        LINE,
        PLASTIC * strength,
    )


def _pacemaker(shadows: Shadows, sign: float, strength: float, rng: np.random.Generator) -> None:
    chest, apex = shadows.chest, shadows.chest.anatomy.apex
    centre = (sign * rng.uniform(0.25, 0.28), apex + rng.uniform(0.13, 0.16))
    radius = 0.055
    box = chest.ellipse(centre, (radius, radius * 0.8)) ** 4
    shadows.implant(
        np.asarray(METAL * strength * chest.edge((1 - box) * np.float32(0.02), 0.01), dtype=np.float32)
    )
    dome = chest.dome("left")
    for tip in ((0.14, dome - 0.03), (-0.07, dome - 0.15)):
        route = curve(
            centre, (sign * 0.14, apex + 0.07), (-0.03, apex + 0.17), (-0.05, dome - 0.18), tip, steps=40
        )
        shadows.wire(route, LINE, METAL * strength)


def _wires(shadows: Shadows, sign: float, strength: float, rng: np.random.Generator) -> None:
    apex = shadows.chest.anatomy.apex
    angles = np.linspace(0, 2 * np.pi, 14)
    for wire in range(6):
        centre = apex + 0.19 + 0.075 * wire
        loop = np.stack([0.024 * np.cos(angles), centre + 0.017 * np.sin(angles)], axis=1)
        shadows.wire(loop, 0.009, METAL * strength)


def _tracheal_tube(shadows: Shadows, sign: float, strength: float, rng: np.random.Generator) -> None:
    end = shadows.chest.anatomy.apex + rng.uniform(0.12, 0.16)
    for wall in (-0.011, 0.011):
        shadows.wire(np.array([(wall, -0.05), (wall, end)]), 0.009, METAL * strength)


def _gastric_tube(shadows: Shadows, sign: float, strength: float, rng: np.random.Generator) -> None:
    dome = shadows.chest.dome("left")
    route = curve(
        (0.01, -0.05), (0.02, 0.3), (0.025, dome), (0.10, dome + 0.10), (0.17, dome + 0.09), steps=40
    )
    shadows.wire(route, LINE, PLASTIC * strength)


def _chest_tube(shadows: Shadows, sign: float, strength: float, rng: np.random.Generator) -> None:
    anatomy = shadows.chest.anatomy
    route = curve(
        (sign * (anatomy.thorax + 0.10), 0.66),
        (sign * (anatomy.thorax - 0.03), 0.55),
        (sign * 0.24, anatomy.apex + 0.10),
    )
    shadows.wire(route, 0.018, PLASTIC * strength)


def _valve(shadows: Shadows, sign: float, strength: float, rng: np.random.Generator) -> None:
    chest = shadows.chest
    distance = chest.ellipse((0.06, chest.dome("left") - 0.12), (0.034, 0.026), 0.6)
    ring = np.exp(-(((distance - 1) / np.float32(0.25)) ** 2))
    shadows.implant(np.asarray(METAL * strength * ring, dtype=np.float32))


_DRAW = {
    "catheter": _catheter,
    "port": _port,
    "pacemaker": _pacemaker,
    "wires": _wires,
    "tracheal_tube": _tracheal_tube,
    "gastric_tube": _gastric_tube,
    "chest_tube": _chest_tube,
    "valve": _valve,
}
