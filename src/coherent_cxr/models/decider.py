"""Which findings an image shows, decided by the classifier that the encoder was pretrained as."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.finite import require_finite, require_finite_weights

NO_FINDING, DEVICES = "No Finding", "Support Devices"


class OperatingPointError(ValueError):
    """An operating point that a model does not have; the message says which ones it has."""


@dataclass(frozen=True)
class FindingDecider:
    """The label classifier on top of a generator's own encoder, with thresholds chosen on validation.

    Attributes:
        weight: ``(14, channels)``.
        bias: ``(14,)``.
        thresholds: Logits at and above which each observation is called ``(14,)``, by operating point;
            infinite for one that is never called.
    """

    weight: Tensor
    bias: Tensor
    thresholds: Mapping[str, Tensor]

    @torch.no_grad()
    def logits(self, features: Tensor) -> Tensor:
        """Score a study from its images' features.

        Args:
            features: ``(images, K, channels)``.

        Returns:
            A logit per observation ``(14,)``, the mean over the images.

        Raises:
            NonFiniteError: If a logit is not finite.
        """
        weight, bias = self.weight.to(features.device), self.bias.to(features.device)
        logits = (features.float().mean(dim=1) @ weight.T + bias).mean(dim=0)
        require_finite(logits, "The scores of the findings")
        return logits

    def called(self, logits: Tensor, operating_point: str) -> dict[str, bool]:
        """Decide every observation; "No Finding" is called where nothing but Support Devices is.

        Raises:
            OperatingPointError: If the operating point does not exist.
        """
        if operating_point not in self.thresholds:
            raise OperatingPointError(
                f"This model has no operating point '{operating_point[:50]}'; choose one of "
                f"{', '.join(self.thresholds)}."
            )
        limits = self.thresholds[operating_point].to(logits.device)
        calls = dict(zip(OBSERVATIONS, (logits >= limits).tolist(), strict=True))
        calls[NO_FINDING] = not any(calls[name] for name in OBSERVATIONS if name not in (NO_FINDING, DEVICES))
        return calls

    def tensors(self) -> dict[str, Tensor]:
        """Return everything as named tensors."""
        limits = {f"thresholds.{point}": values for point, values in self.thresholds.items()}
        return {"weight": self.weight, "bias": self.bias, **limits}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> FindingDecider:
        """Read what :meth:`tensors` returned.

        Raises:
            ValueError: If tensors are missing, of wrong shapes, not finite, or a threshold is not a number.
        """
        prefix = "thresholds."
        thresholds = {
            name.removeprefix(prefix): values for name, values in tensors.items() if name.startswith(prefix)
        }
        weight, bias = tensors.get("weight"), tensors.get("bias")
        labels = len(OBSERVATIONS)
        if weight is None or bias is None or not thresholds:
            raise ValueError("its label classifier lacks weight, bias or thresholds")
        shaped = weight.ndim == 2 and weight.shape[0] == labels and bias.shape == (labels,)
        if not shaped or any(values.shape != (labels,) for values in thresholds.values()):
            raise ValueError(f"its label classifier does not fit {labels} observations")
        require_finite_weights({"label classifier": weight, "label classifier's bias": bias})
        if any(bool((values.isnan() | (values == -math.inf)).any()) for values in thresholds.values()):
            raise ValueError("a threshold of its label classifier is no number")
        return cls(weight, bias, thresholds)
