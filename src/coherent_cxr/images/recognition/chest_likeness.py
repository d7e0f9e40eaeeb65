"""Whether an image resembles the frontal training radiographs, by 32 × 32 grey levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.images.recognition.similarity import SIDE
from coherent_cxr.images.recognition.view_classifier import DIGITS, rank_features

FEWEST, MOST = 30, 2000
UNLIKEST = 0.005
"""Share of the training's own images that each of the two likenesses calls unlike."""


def _plane() -> NDArray[np.float64]:
    rows, columns = np.mgrid[:SIDE, :SIDE].reshape(2, -1)
    basis: NDArray[np.float64] = np.linalg.qr(np.stack([np.ones(SIDE * SIDE), rows, columns], axis=1))[0]
    return basis


PLANE = _plane()
"""Orthonormal: constant, brighter downwards, brighter to the right ``(1024, 3)``."""


@dataclass(frozen=True)
class ChestLikeness:
    """Correlations of an image's ranks with the mean of the training's, and the least that are usual.

    The first is with the ranks as they are. The second is without what only grows from one side to the other,
    which a mere gradient would share with a chest.

    Attributes:
        mean: Mean ranks of the training's frontal images (1024,), of length 1.
        least: Least usual correlation, and least usual correlation without gradients.
        learnt_from: Number of images.
    """

    mean: NDArray[np.float64]
    least: tuple[float, float]
    learnt_from: int

    @classmethod
    def learn(cls, pixels: NDArray[np.uint8], rows: NDArray[np.int64]) -> ChestLikeness | None:
        """Learn from frontal images.

        Args:
            pixels: Grey levels (images, size, size), for example of an image store.
            rows: Which of them to use, evenly thinned to 2,000.

        Returns:
            None if there are fewer than 30.
        """
        if len(rows) < FEWEST:
            return None
        chosen = rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST)).astype(np.int64)]
        features = np.stack([rank_features(pixels[row]) for row in chosen]).astype(np.float64)
        total = features.sum(axis=0)
        # Each image is compared with the others alone, as a new one will be.
        others = np.array([_likeness(one, _unit(total - one)) for one in features])
        first, second = np.quantile(others, UNLIKEST, axis=0).round(DIGITS)
        return cls(_unit(total).round(DIGITS), (float(first), float(second)), len(chosen))

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> ChestLikeness:
        """Read what :meth:`as_dict` wrote.

        Raises:
            ValueError: If the numbers are not 1,024 and two finite ones.
        """
        mean = np.array(entry["mean"], dtype=np.float64)
        first, second = map(float, entry["least"])
        if mean.shape != (SIDE * SIDE,) or not np.isfinite([*mean, first, second]).all():
            raise ValueError(f"A likeness to chests needs {SIDE * SIDE} finite means and two limits.")
        return cls(mean, (first, second), int(entry["learnt_from"]))

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {"mean": self.mean.tolist(), "least": list(self.least), "learnt_from": self.learnt_from}

    def likeness(self, features: NDArray[Any]) -> tuple[float, float]:
        """Return both correlations of an image's ranks ``(1024,)`` with the mean."""
        return _likeness(features, self.mean)

    def is_like(self, features: NDArray[Any]) -> bool:
        """Tell whether an image's ranks ``(1024,)`` are arranged as usual."""
        return all(own >= least for own, least in zip(self.likeness(features), self.least, strict=True))


def _likeness(features: NDArray[Any], mean: NDArray[np.float64]) -> tuple[float, float]:
    return float(features @ mean), _cosine(_without_plane(features), _without_plane(mean))


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vector / (np.linalg.norm(vector) or 1), dtype=np.float64)


def _without_plane(features: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(features - PLANE @ (PLANE.T @ features), dtype=np.float64)


def _cosine(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    lengths = np.linalg.norm(first) * np.linalg.norm(second)
    return float(first @ second / lengths) if lengths > 1e-9 else 0.0
