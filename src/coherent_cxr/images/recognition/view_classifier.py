"""Classifies lateral and frontal radiographs: logistic regression on ranks of grey levels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.images.reading.decode import fit
from coherent_cxr.images.recognition.similarity import SIDE, ranks

LATERAL, FRONTAL = "lateral", "frontal"
SURE = 0.8
DIGITS = 6


def rank_features(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the ranks of an image's grey levels on 32 × 32 pixels ``(1024,)``.

    Args:
        pixels: Grey levels (height, width).
    """
    return ranks(fit(pixels, SIDE).astype(np.float32).ravel())


@dataclass(frozen=True)
class ViewClassifier:
    """Probability of a lateral view: 1 / (1 + exp(-(weights · ranks + bias))).

    Attributes:
        weights: One per pixel (1024,).
        bias: Added to their sum.
        accuracy: Share of right views in cross-validation over studies.
        learnt_from: Number of images it was fitted to.
    """

    weights: NDArray[np.float64]
    bias: float
    accuracy: float
    learnt_from: int

    @classmethod
    def learn(
        cls, features: NDArray[np.float32], views: NDArray[Any], studies: NDArray[Any]
    ) -> ViewClassifier:
        """Fit it to images whose view is known, and judge it by five-fold cross-validation over studies.

        Args:
            features: Ranks (images, 1024).
            views: "frontal" or "lateral" (images,), both at least once.
            studies: Their studies (images,), at least two.
        """
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GroupKFold, cross_val_predict

        lateral = views == LATERAL
        model = LogisticRegression(C=10, max_iter=500)
        folds = GroupKFold(min(5, len(set(studies.tolist()))))
        predicted = cross_val_predict(model, features, lateral, groups=studies, cv=folds)
        model.fit(features, lateral)
        weights = np.asarray(model.coef_[0], dtype=np.float64).round(DIGITS)
        accuracy = float((predicted == lateral).mean())
        return cls(weights, round(float(model.intercept_[0]), DIGITS), accuracy, len(features))

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> ViewClassifier:
        """Read what :meth:`as_dict` wrote.

        Raises:
            ValueError: If the numbers are not 1,024 finite ones.
        """
        weights = np.array(entry["weights"], dtype=np.float64)
        bias, accuracy = float(entry["bias"]), float(entry["accuracy"])
        if weights.shape != (SIDE * SIDE,) or not np.isfinite([*weights, bias, accuracy]).all():
            raise ValueError(f"A view classifier needs {SIDE * SIDE} finite weights and a bias.")
        return cls(weights, bias, accuracy, int(entry["learnt_from"]))

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "weights": self.weights.tolist(),
            "bias": self.bias,
            "accuracy": self.accuracy,
            "learnt_from": self.learnt_from,
        }

    def lateral(self, features: NDArray[np.float32]) -> float:
        """Return the probability that an image is a lateral.

        Args:
            features: Its ranks (1024,), see :func:`rank_features`.
        """
        score = float(features @ self.weights) + self.bias
        return 1 / (1 + math.exp(-max(-500.0, min(500.0, score))))

    def view(self, features: NDArray[np.float32]) -> str | None:
        """Return the view if it is at least 80 % sure, else None."""
        lateral = self.lateral(features)
        if lateral >= SURE:
            return LATERAL
        return FRONTAL if 1 - lateral >= SURE else None
