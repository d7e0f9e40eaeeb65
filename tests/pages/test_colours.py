"""Colours stay apart for readers with deuteranopia and protanopia (Machado et al. 2009)."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from coherent_cxr.pages.colours import BASELINE, GENERATORS, LINES, OUTCOMES, RAMP, system_colours

SEEN = {
    "trichromacy": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])


def lab(colour: str, seen: str) -> np.ndarray:
    """CIELAB of a colour as such a reader sees it."""
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ (SEEN[seen] @ linear).clip(0, 1) / WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_the_conversion_by_hand() -> None:
    np.testing.assert_allclose(lab("#ffffff", "trichromacy"), [100, 0, 0], atol=0.02)
    np.testing.assert_allclose(lab("#ff0000", "trichromacy"), [53.24, 80.09, 67.20], atol=0.02)
    # the confusion that the test is about: a red and a green of like lightness
    red, green = "#c00000", "#4a7000"
    assert np.linalg.norm(lab(red, "trichromacy") - lab(green, "trichromacy")) > 80
    assert np.linalg.norm(lab(red, "deuteranopia") - lab(green, "deuteranopia")) < 25


@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize(
    ("colours", "least"), [((*GENERATORS.values(), BASELINE), 18), (tuple(OUTCOMES.values()), 30)]
)
def test_colours_that_stand_together_differ_for_every_reader(
    seen: str, colours: tuple[str, ...], least: float
) -> None:
    distances = {(a, b): np.linalg.norm(lab(a, seen) - lab(b, seen)) for a, b in combinations(colours, 2)}
    closest = min(distances, key=lambda pair: distances[pair])
    assert distances[closest] >= least, (closest, distances[closest])


@pytest.mark.parametrize("seen", SEEN)
def test_the_ramp_of_attention_darkens_for_every_reader(seen: str) -> None:
    lightness = [lab("#{:02x}{:02x}{:02x}".format(*stop), seen)[0] for stop in RAMP]
    assert lightness[0] - lightness[1] > 15
    assert lightness[1] - lightness[2] > 15


def test_a_system_keeps_its_colour_whatever_stands_beside_it() -> None:
    alone, among = system_colours(["full"]), system_colours(["x", "mle", "full", "y"], {"y"})
    assert alone["full"] == among["full"] == GENERATORS["full"]
    assert among["y"] == BASELINE
    assert among["x"] not in (among["mle"], among["full"], BASELINE)
    assert system_colours(["full decided"]) == {"full decided": GENERATORS["full"]}
    many = system_colours([f"s{n}" for n in range(20)])
    assert len(many) == 20
    assert set(many.values()) <= set(LINES)
