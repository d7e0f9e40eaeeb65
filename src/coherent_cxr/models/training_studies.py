"""Training studies by their images' features, to name those that look like a new one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coherent_cxr.finite import require_finite

SHOWN = 3
"""Studies that are named beside a report."""
LONGEST_ID = 200


@dataclass(frozen=True)
class TrainingStudies:
    """Ids of training studies, whose corpus allows that, and the mean features of their first image.

    Attributes:
        ids: One per study.
        features: ``(studies, channels)``, half precision.
    """

    ids: tuple[str, ...]
    features: NDArray[np.float16]

    def nearest(self, features: NDArray[np.float32], count: int = SHOWN) -> list[list[tuple[str, float]]]:
        """Return the studies whose images look most alike.

        Args:
            features: Mean features of images ``(images, channels)``.
            count: Most studies.

        Returns:
            Of each image ids and cosine distances, 0 (the same direction) to 2, nearest first.
        """
        lengths = np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
        distances = 1 - (features / lengths).astype(np.float32) @ self._directions.T
        return [
            [(self.ids[place], round(max(0.0, float(own[place])), 4)) for place in order[:count]]
            for own, order in zip(distances, np.argsort(distances, axis=1, kind="stable"), strict=True)
        ]

    @cached_property
    def _directions(self) -> NDArray[np.float32]:
        known = self.features.astype(np.float32)  # once: half precision is slow to read
        lengths = np.maximum(np.linalg.norm(known, axis=1, keepdims=True), 1e-12)
        return np.asarray(known / lengths, dtype=np.float32)

    def tensors(self) -> dict[str, Tensor]:
        """Return everything as named tensors; the ids as JSON in bytes."""
        text = np.frombuffer(json.dumps(list(self.ids)).encode(), dtype=np.uint8)
        return {"ids": torch.from_numpy(text.copy()), "features": torch.from_numpy(self.features)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> TrainingStudies:
        """Read what :meth:`tensors` returned.

        Raises:
            ValueError: If ids and features do not fit each other, or features are not finite.
        """
        text, features = tensors.get("ids"), tensors.get("features")
        if text is None or features is None or text.dtype != torch.uint8 or features.dtype != torch.float16:
            raise ValueError("its training studies have other names or number formats than were saved")
        ids = json.loads(text.numpy().tobytes())
        good = isinstance(ids, list) and all(isinstance(one, str) and len(one) <= LONGEST_ID for one in ids)
        if not good or features.ndim != 2 or features.shape[0] != len(ids):
            raise ValueError("the ids of its training studies do not fit their features")
        require_finite(features, "The features of its training studies")
        return cls(tuple(ids), features.numpy())
