"""Findings inside the lung: opacity, consolidation, pneumonia, lesion, atelectasis, edema."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.images.phantom.anatomy import SIGN, Chest, Field
from coherent_cxr.images.phantom.description import Finding
from coherent_cxr.images.phantom.shadows import Shadows, curve, smooth_noise, stroke


def draw_opacity(shadows: Shadows, finding: Finding, rng: np.random.Generator) -> None:
    """Draw an ill-defined, cloud-like patch."""
    chest = shadows.chest
    u, v = chest.place(finding.side, finding.zone, rng.uniform(0.45, 0.65))
    radius = (0.085 + rng.uniform(0, 0.015)) * (0.6 + 0.4 * finding.severity)
    cloud = _blob(chest, (u, v), (radius, radius * rng.uniform(0.7, 1.0)), rng.uniform(0, np.pi))
    mottle = 0.85 + 0.25 * smooth_noise(rng, chest.size, 20)
    shadows.add(0.50 * finding.severity * cloud * mottle * chest.lungs[finding.side])


def draw_consolidation(shadows: Shadows, finding: Finding, rng: np.random.Generator) -> None:
    """Draw a dense lobe with a straight fissure border and dark air bronchograms."""
    chest, anatomy = shadows.chest, shadows.chest.anatomy
    top, dome = anatomy.apex, chest.dome(finding.side)
    height = dome - top
    begin, end = {
        "upper": (-0.1, 0.40),
        "middle": (0.42, 0.70),
        "lower": (0.62, 1.5),
    }[finding.zone]
    slant = 0.10 * (chest.outward(finding.side) - 0.2)
    inside = chest.edge(chest.v - np.float32(top + begin * height) + slant, 0.012) * chest.edge(
        np.float32(top + end * height) - chest.v - slant, 0.012
    )
    lobe = inside * chest.lungs[finding.side]
    shadows.add(0.60 * min(1.15, finding.severity) * lobe)
    hilum = (SIGN[finding.side] * 0.08, top + 0.5 * height)
    u, v = chest.place(finding.side, finding.zone, 0.75)
    for spread in (-0.05, 0.0, 0.05):
        points = curve(hilum, ((hilum[0] + u) / 2, (hilum[1] + v) / 2 + spread / 2), (u, v + spread))
        shadows.density = shadows.density * (1 - 0.35 * _thin(shadows, points, 0.012) * lobe)


def draw_pneumonia(shadows: Shadows, finding: Finding, rng: np.random.Generator) -> None:
    """Draw a cluster of fluffy patches that run together, as in bronchopneumonia."""
    chest = shadows.chest
    centre = chest.place(finding.side, finding.zone, 0.55)
    for patch_number in range(9):
        angle, reach = (
            2.4 * patch_number,
            0.030 * np.sqrt(patch_number),
        )  # a sunflower's spacing: no two coincide
        spot = (
            centre[0] + reach * np.cos(angle) + rng.normal(0, 0.008),
            centre[1] + reach * np.sin(angle) + rng.normal(0, 0.008),
        )
        radius = rng.uniform(0.024, 0.032)
        patch = _blob(chest, spot, (radius, radius), 0.0)
        shadows.add(0.48 * finding.severity * patch * chest.lungs[finding.side])


def draw_lesion(shadows: Shadows, finding: Finding, rng: np.random.Generator) -> None:
    """Draw a round, sharply bordered nodule or mass."""
    chest = shadows.chest
    u, v = chest.place(finding.side, finding.zone, rng.uniform(0.35, 0.7))
    radius = (0.034 + rng.uniform(0, 0.012)) * (0.5 + 0.5 * finding.severity)
    distance = chest.ellipse((u, v), (radius, radius * rng.uniform(0.9, 1.1)))
    disc = chest.edge((1 - distance) * np.float32(radius), 0.008)
    shadows.add(0.58 * min(1.0, 0.4 + 0.6 * finding.severity) * disc)


def draw_atelectasis(shadows: Shadows, finding: Finding, rng: np.random.Generator) -> None:
    """Draw two or three plate-like lines across a lung zone."""
    chest = shadows.chest
    u, v = chest.place(finding.side, finding.zone, 0.6)
    inward = -SIGN[finding.side]
    for plate in range(3 if finding.severity > 0.6 else 2):
        length = rng.uniform(0.065, 0.11)
        height = v - 0.035 + 0.042 * plate
        tilt = rng.uniform(-0.015, 0.035)
        points = curve(
            (u - inward * length, height + tilt), (u, height - 0.006), (u + inward * length, height - tilt)
        )
        strength = min(0.75, 0.25 + 0.40 * finding.severity)
        shadows.add(strength * _thin(shadows, points, 0.013) * _anywhere(chest))


def draw_edema(shadows: Shadows, finding: Finding, rng: np.random.Generator) -> None:
    """Draw perihilar haze, reticular markings and short Kerley lines at the chest wall."""
    chest, side = shadows.chest, finding.side
    _, v = chest.place(side, "middle")
    wing = _blob(chest, (SIGN[side] * 0.15, v + 0.01), (0.13, 0.20), 0.0)
    texture = 0.75 + 0.22 * smooth_noise(rng, chest.size, 60)
    shadows.add(0.50 * (0.4 + 0.6 * finding.severity) * wing * texture * chest.lungs[side])
    for step in range(7):
        height = chest.dome(side) - 0.16 + 0.024 * step
        outer = chest.anatomy.thorax - 0.008
        points = np.array([(SIGN[side] * outer, height), (SIGN[side] * (outer - 0.057), height + 0.004)])
        shadows.add(0.42 * finding.severity * _thin(shadows, points, 0.008) * chest.lungs[side])


def _blob(chest: Chest, centre: tuple[float, float], radii: tuple[float, float], angle: float) -> Field:
    distance = chest.ellipse(centre, radii, angle)
    return np.asarray(np.exp(-(distance**3) * np.float32(0.5)), dtype=np.float32)


def _thin(shadows: Shadows, points: NDArray[np.float64], width: float) -> Field:
    return stroke(shadows.chest, [(points, width)])


def _anywhere(chest: Chest) -> Field:
    return chest.lungs["right"] + chest.lungs["left"]
