"""Image similarity independent of brightness and contrast: ranks of grey levels of a small picture."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SIDE = 32
SAME = 0.99
DARK, BRIGHT = 4, 251
FEWEST = 200


def thumbnail(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Average a square image over blocks.

    Args:
        image: Grey levels (size, size), size a multiple of 32 or more than 32.

    Returns:
        Mean grey levels (32 × 32,).
    """
    edges = np.linspace(0, image.shape[0], SIDE + 1).astype(int)
    sums = np.add.reduceat(np.add.reduceat(image.astype(np.float32), edges[:-1], 0), edges[:-1], 1)
    counts = np.outer(np.diff(edges), np.diff(edges))
    return np.asarray(sums / counts, dtype=np.float32).ravel()


def ranks(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Replace each grey level by its rank, scaled to a mean of 0 and a length of 1 ``(pixels,)``."""
    rank = np.empty(len(levels), np.float32)
    rank[levels.argsort(kind="stable")] = np.arange(len(levels), dtype=np.float32)
    rank -= rank.mean()
    return np.asarray(rank / (np.linalg.norm(rank) or 1), dtype=np.float32)


def likeness(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Correlate the ranks of two thumbnails (Spearman), which no change of brightness or contrast alters.

    Pixels that are black or white in either are left out: a narrow window clips them.

    Args:
        first: Mean grey levels (pixels,).
        second: The same of another image.

    Returns:
        At most 1; 0 if fewer than 200 pixels are left.
    """
    inside = (first > DARK) & (first < BRIGHT) & (second > DARK) & (second < BRIGHT)
    if inside.sum() < FEWEST:
        return 0.0
    return float(ranks(first[inside]) @ ranks(second[inside]))


def find_variants(pixels: NDArray[np.uint8], images: pd.DataFrame) -> dict[str, str]:
    """Find images that only repeat another of their study and view with other brightness or contrast.

    The paper drops them from MIMIC-CXR (Liu et al. 2019). ``benchmarks/images_recognition.py`` measures it.

    Args:
        pixels: Grey levels (images, size, size).
        images: image_id, study_id, view, row (position in ``pixels``).

    Returns:
        Image that repeats to image that is repeated, the one that comes first.
    """
    repeats: dict[str, str] = {}
    several = images.groupby(["study_id", "view"]).filter(lambda group: len(group) > 1)
    for _, group in several.groupby(["study_id", "view"], sort=False):
        kept: list[tuple[str, NDArray[np.float32]]] = []
        for image_id, row in zip(group["image_id"], group["row"], strict=True):
            small = thumbnail(pixels[row])
            original = next((name for name, other in kept if likeness(small, other) >= SAME), None)
            if original is None:
                kept.append((image_id, small))
            else:
                repeats[image_id] = original
    return repeats
