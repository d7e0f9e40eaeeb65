"""Findings of the pleura: effusion, pneumothorax, thickening."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from coherent_cxr.images.phantom.anatomy import SIGN, Chest
from coherent_cxr.images.phantom.description import Finding
from coherent_cxr.images.phantom.shadows import Shadows


def draw_effusion(shadows: Shadows, finding: Finding, rng: np.random.Generator) -> None:
    """Draw fluid over the diaphragm whose upper border climbs at the chest wall (meniscus)."""
    chest, side = shadows.chest, finding.side
    depth = (0.05 + 0.09 * finding.severity) * rng.uniform(0.9, 1.1)
    lateral = np.clip(chest.outward(side) / np.float32(chest.anatomy.thorax), 0, 1)
    surface = np.float32(chest.dome(side) + 0.05 - depth) - np.float32(0.75 * depth) * lateral**4
    fluid = chest.edge(chest.v - surface, 0.014) * chest.lungs[side]
    shadows.add(0.76 * min(1.0, 0.45 + 0.55 * finding.severity) * fluid)


def draw_pneumothorax(shadows: Shadows, finding: Finding, rng: np.random.Generator) -> None:
    """Draw a lung edge drawn in from the chest wall, with dark, empty space outside it."""
    chest, side = shadows.chest, finding.side
    gap = (0.035 + 0.055 * finding.severity) * rng.uniform(0.9, 1.1)
    anatomy = replace(chest.anatomy, apex=chest.anatomy.apex + 1.1 * gap, thorax=chest.anatomy.thorax - gap)
    collapsed = Chest(anatomy, chest.size).lungs[side] * chest.lungs[side]
    empty = chest.lungs[side] - collapsed
    shadows.markings = shadows.markings * (1 - empty)
    shadows.darken(np.asarray(min(0.66, 0.24 + 0.40 * finding.severity) * empty, dtype=np.float32))
    pleural_line = 4 * collapsed * (1 - collapsed) * chest.edge(chest.lungs[side] - np.float32(0.6), 0.2)
    shadows.add(np.asarray(0.40 * pleural_line + 0.12 * collapsed, dtype=np.float32))


def draw_thickening(shadows: Shadows, finding: Finding, rng: np.random.Generator) -> None:
    """Draw an apical cap and a plaque along the chest wall."""
    chest, side = shadows.chest, finding.side
    severity = 0.4 + 0.6 * finding.severity
    outward, sign = chest.outward(side), SIGN[side]
    cap_depth = np.float32(chest.anatomy.apex + 0.065 * severity)
    wave = np.float32(0.008) * np.sin(outward * np.float32(90) + np.float32(rng.uniform(0, 6)))
    cap = chest.edge(cap_depth + wave - chest.v, 0.008) * chest.lungs[side]
    shadows.add(0.62 * severity * cap)
    height = chest.anatomy.apex + rng.uniform(0.34, 0.42)
    reach = chest.anatomy.thorax
    plaque = chest.ellipse((sign * (reach - 0.012), height), (0.022, 0.10))
    shadows.add(0.66 * severity * chest.edge((1 - plaque) * np.float32(0.022), 0.008))
