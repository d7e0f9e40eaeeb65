"""Distribution of the training images' features, to recognise an image unlike all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coherent_cxr.finite import require_finite

COMPONENTS = 32
QUANTILE = 0.995
IMAGES_PER_COMPONENT = 10
FEWEST = 2
SMALLEST = 1e-9
"""Share of the largest variance below which training images do not differ along a direction."""
NAMES = ("mean", "components", "variances", "limits")


@dataclass(frozen=True)
class TrainingFeatures:
    """Mean and main directions of the encoder's mean features over training images.

    An image is far from them if it differs more along these directions than training images do (Mahalanobis),
    or more across them: what remains when its feature is put together from the directions alone. Both
    distances are divided by a limit: a high percentile of the distances of validation images.

    Attributes:
        mean: ``(channels,)``.
        components: Orthonormal directions ``(directions, channels)``.
        variances: Variance of training images along each direction ``(directions,)``.
        limits: Of the distance along and of that across ``(2,)``.
    """

    mean: NDArray[np.float32]
    components: NDArray[np.float32]
    variances: NDArray[np.float32]
    limits: NDArray[np.float32]

    @classmethod
    def fit(
        cls, training: NDArray[np.float32], validation: NDArray[np.float32], quantile: float = QUANTILE
    ) -> TrainingFeatures:
        """Describe training features and set the limits on validation features.

        Args:
            training: Mean features ``(images, channels)`` of at least two images.
            validation: The same of held-out images, at least one.
            quantile: Share of validation images that lie within each of the limits.

        Raises:
            ValueError: If there are too few images.
        """
        if len(training) < FEWEST or len(validation) < 1:
            raise ValueError(
                f"{len(training)} training and {len(validation)} validation images are too few to tell what "
                f"is unlike them; at least {FEWEST} and 1 are needed."
            )
        mean = training.mean(axis=0)
        _, spread, directions = np.linalg.svd(training - mean, full_matrices=False)
        count = max(1, min(COMPONENTS, len(training) // IMAGES_PER_COMPONENT))
        variances = np.square(spread[:count]) / len(training)
        kept = variances > max(SMALLEST, SMALLEST * float(variances[0]))
        unscaled = cls(mean, directions[:count][kept], variances[kept], np.ones(2, np.float32))
        limits = np.quantile(unscaled._distances(validation), quantile, axis=0)
        return replace(unscaled, limits=np.maximum(limits, SMALLEST).astype(np.float32))

    def distance(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return how far images are, above 1 for one that is farther than nearly all validation images.

        Args:
            features: Mean features ``(images, channels)``.

        Returns:
            The larger of the two distances, each divided by its limit ``(images,)``.
        """
        return np.asarray((self._distances(features) / self.limits).max(axis=1), dtype=np.float32)

    def _distances(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        centred = features - self.mean
        along = centred @ self.components.T
        across = centred - along @ self.components
        both = np.square(along) / self.variances, np.square(across)
        return np.asarray(np.sqrt(np.stack([part.sum(axis=1) for part in both], axis=1)), dtype=np.float32)

    def tensors(self) -> dict[str, Tensor]:
        """Return its numbers by name, as a safetensors file holds them."""
        return {name: torch.from_numpy(np.ascontiguousarray(getattr(self, name))) for name in NAMES}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> TrainingFeatures:
        """Read what :meth:`tensors` returned.

        Raises:
            ValueError: If a tensor is missing, of another shape than the others ask for, or not finite.
        """
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        directions, channels = (*shapes.get("components", ()), 0, 0)[:2]
        expected = {
            "mean": (channels,),
            "components": (directions, channels),
            "variances": (directions,),
            "limits": (2,),
        }
        if shapes != expected or any(tensor.dtype != torch.float32 for tensor in tensors.values()):
            raise ValueError(
                "its training features have other names, shapes or number formats than were saved"
            )
        for name, tensor in tensors.items():
            require_finite(tensor, f"The training features '{name}'")
        if bool((tensors["variances"] <= 0).any()) or bool((tensors["limits"] <= 0).any()):
            raise ValueError("its training features have variances or limits that are not positive")
        return cls(**{name: tensors[name].numpy() for name in NAMES})
