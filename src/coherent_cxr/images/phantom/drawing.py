"""Drawing one phantom: a person, their findings, the film."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.images.phantom.airspace import (
    draw_atelectasis,
    draw_consolidation,
    draw_edema,
    draw_lesion,
    draw_opacity,
    draw_pneumonia,
)
from coherent_cxr.images.phantom.anatomy import SIGN, Anatomy, Chest, Field
from coherent_cxr.images.phantom.description import Finding, describe
from coherent_cxr.images.phantom.devices import draw_device
from coherent_cxr.images.phantom.pleura import draw_effusion, draw_pneumothorax, draw_thickening
from coherent_cxr.images.phantom.shadows import Shadows, curve, smooth_noise, stroke
from coherent_cxr.images.phantom.skeleton import draw_skeleton

NOTICE = "Synthetic images, not radiographs: fabricated anatomy, findings as labelled in the reports."
PAINTERS: dict[str, Callable[[Shadows, Finding, np.random.Generator], None]] = {
    "Lung Lesion": draw_lesion,
    "Lung Opacity": draw_opacity,
    "Edema": draw_edema,
    "Consolidation": draw_consolidation,
    "Pneumonia": draw_pneumonia,
    "Atelectasis": draw_atelectasis,
    "Pneumothorax": draw_pneumothorax,
    "Pleural Effusion": draw_effusion,
    "Pleural Other": draw_thickening,
    "Support Devices": draw_device,
}
LOW_VOLUMES = r"low lung volume|hypoinflat|hypoexpan|under ?expanded|diminished lung volume|poor inspir"
HIGH_VOLUMES = r"hyperexpan|hyperinflat|hyperluc|emphysem|flatten"


def draw_phantom(
    image_id: str,
    labels: Mapping[str, int | None],
    sentences: Sequence[str],
    *,
    size: int = 256,
    seed: int = 0,
) -> NDArray[np.uint8]:
    """Draw the phantom radiograph of one report.

    The person is drawn from ``(seed, image_id)`` alone: the same identifier with other labels is the same
    person with other findings.

    Args:
        image_id: Identifier of the image.
        labels: CheXpert label to 1, 0, -1 or None (absent).
        sentences: The findings section, one readable sentence each; its words say where and how large.
        size: Side of the image in pixels.
        seed: Seed of the whole corpus.

    Returns:
        Grey levels (size, size), bright is dense.
    """
    key = hashlib.sha256(image_id.encode()).digest()
    streams = np.random.SeedSequence([seed, int.from_bytes(key[:8], "big")]).spawn(3)
    person, film, choice = (np.random.default_rng(stream) for stream in streams)
    findings = describe(labels, sentences, choice)
    anatomy = _enlarge(Anatomy.sample(person, _volume(sentences)), findings)
    return draw_chest(anatomy, findings, size, film, choice)


def draw_chest(
    anatomy: Anatomy,
    findings: Sequence[Finding],
    size: int,
    film: np.random.Generator,
    choice: np.random.Generator,
) -> NDArray[np.uint8]:
    """Draw one anatomy with its findings.

    Args:
        anatomy: The person and exposure.
        findings: What to draw into it.
        size: Side of the image in pixels.
        film: Randomness of lung markings and film noise.
        choice: Randomness of the findings.

    Returns:
        Grey levels (size, size).
    """
    chest = Chest(anatomy, size)
    shadows = Shadows(chest)
    for finding in findings:
        if finding.observation in PAINTERS:
            PAINTERS[finding.observation](shadows, finding, choice)
    image = _soft_tissue(chest, film)
    image += _markings(chest, film) * shadows.markings
    image *= 1 - shadows.lucency
    image = 1 - (1 - image) * (1 - shadows.density)
    image = _heart(chest, image)
    bones = draw_skeleton(chest, [finding for finding in findings if finding.observation == "Fracture"])
    image += bones * np.clip(1.25 - image, 0, 1)  # dense tissue in front leaves a bone less contrast
    image = 1 - (1 - image) * (1 - shadows.hardware)
    return _expose(image, anatomy, film)


def _volume(sentences: Sequence[str]) -> float:
    text = " ".join(sentences).lower()
    return -1.0 if re.search(LOW_VOLUMES, text) else 1.0 if re.search(HIGH_VOLUMES, text) else 0.0


def _enlarge(anatomy: Anatomy, findings: Sequence[Finding]) -> Anatomy:
    for finding in findings:
        if finding.observation == "Cardiomegaly":
            anatomy = replace(anatomy, heart_ratio=anatomy.heart_ratio + 0.07 + 0.12 * finding.severity)
        elif finding.observation == "Enlarged Cardiomediastinum":
            anatomy = replace(anatomy, mediastinum=anatomy.mediastinum + 0.02 + 0.045 * finding.severity)
    return anatomy


def _soft_tissue(chest: Chest, film: np.random.Generator) -> Field:
    """Body outline, lungs, abdomen with gastric bubble, trachea."""
    anatomy, u, v = chest.anatomy, chest.u, chest.v
    across = np.abs(u)
    trunk = chest.edge(anatomy.thorax + anatomy.fat + 0.10 * np.clip(0.45 - v, 0, 1) - across, 0.02)
    shoulders = chest.edge(v - 0.01 - 0.42 * np.maximum(across - 0.11, 0), 0.02)
    body = trunk * shoulders
    image = 0.06 + body * (0.55 + 0.12 * np.clip(1 - across / anatomy.thorax, 0, 1))
    image += 0.025 * body * smooth_noise(film, chest.size, 6)
    for side in SIGN:
        lung = chest.lungs[side]
        image -= lung * (image - 0.25 - 0.06 * np.clip((v - 0.45) * 2, 0, 1))
        below = chest.edge(v - chest.diaphragm[side]) * chest.edge(chest.outward(side)) * body
        image += below * (0.82 - image)
    bubble = chest.ellipse((film.uniform(0.15, 0.2), chest.dome("left") + 0.075), (0.055, 0.032), -0.2)
    image -= 0.28 * chest.edge((1 - bubble) * np.float32(0.04), 0.02)
    return np.asarray(image, dtype=np.float32)


def _heart(chest: Chest, image: Field) -> Field:
    """Mediastinum with aortic arch, heart, trachea."""
    anatomy, u, v = chest.anatomy, chest.u, chest.v
    half = 0.058 + 0.022 * np.clip((v - 0.30) * 5, 0, 1)
    half = half + (anatomy.mediastinum - 0.058) * np.exp(-(((v - (anatomy.apex + 0.18)) / 0.16) ** 4))
    column = chest.edge(half - np.abs(u), 0.012)
    arch = chest.ellipse((anatomy.mediastinum - 0.028, anatomy.apex + 0.205), (0.052, 0.052))
    column = np.maximum(column, chest.edge((1 - arch) * np.float32(0.05), 0.012))
    width = anatomy.heart_ratio * anatomy.thorax
    height = 0.105 + 0.10 * anatomy.heart_ratio
    centre = (0.36 * width, max(anatomy.domes) - 0.80 * height + 0.02)
    heart = chest.ellipse(centre, (width * 1.05, height * 0.92), 0.42)
    column = np.maximum(column, chest.edge((1 - heart) * np.float32(0.12), 0.016))
    for side in SIGN:
        hilum = chest.ellipse((SIGN[side] * 0.095, anatomy.apex + 0.33), (0.035, 0.062), SIGN[side] * -0.3)
        image = image + 0.17 * np.exp(-hilum * hilum) * chest.lungs[side]
    image = image + column * np.maximum(0.76 - image, 0) * 0.95
    trachea = chest.edge(0.017 - np.abs(u), 0.010) * chest.edge(np.float32(anatomy.apex + 0.21) - v, 0.03)
    return np.asarray(image - 0.15 * trachea, dtype=np.float32)


def _markings(chest: Chest, film: np.random.Generator) -> Field:
    """Vessels that branch from the hila and thin out, and fine texture."""
    lines = []
    for sign in SIGN.values():
        root = (sign * 0.085, chest.anatomy.apex + 0.33)
        for angle in np.linspace(-1.25, 1.25, 9) + film.normal(0, 0.08, 9):
            length = film.uniform(0.16, 0.26)
            bend = film.normal(0, 0.25)
            middle = (root[0] + sign * 0.5 * length * np.cos(angle), root[1] + 0.6 * length * np.sin(angle))
            end = (
                root[0] + sign * length * np.cos(angle + bend),
                root[1] + 1.25 * length * np.sin(angle + bend),
            )
            lines.append((curve(root, middle, end, steps=8), 0.010))
            lines.append((curve(middle, (end[0], end[1] - 0.05), steps=3), 0.006))
    lungs = chest.lungs["right"] + chest.lungs["left"]
    texture = 0.012 * smooth_noise(film, chest.size, 40)
    return np.asarray((0.085 * stroke(chest, lines) + texture) * lungs, dtype=np.float32)


def _expose(image: Field, anatomy: Anatomy, film: np.random.Generator) -> NDArray[np.uint8]:
    grain = film.standard_normal(image.shape, dtype=np.float32) * np.float32(anatomy.grain)
    exposed = (image - 0.5) * np.float32(anatomy.contrast) + np.float32(0.5 + anatomy.brightness) + grain
    return np.asarray(np.clip(exposed * 255, 0, 255).round(), dtype=np.uint8)
