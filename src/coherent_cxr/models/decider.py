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
        slope: With ``intercept``, makes probabilities of logits ``(14,)``.
        intercept: ``(14,)``; minus infinity for an observation that never occurs.
    """

    weight: Tensor
    bias: Tensor
    thresholds: Mapping[str, Tensor]
    slope: Tensor
    intercept: Tensor

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
                f"{', '.join(sorted(self.thresholds))}."
            )
        limits = self.thresholds[operating_point].to(logits.device)
        calls = dict(zip(OBSERVATIONS, (logits >= limits).tolist(), strict=True))
        calls[NO_FINDING] = not any(calls[name] for name in OBSERVATIONS if name not in (NO_FINDING, DEVICES))
        return calls

    def probabilities(self, logits: Tensor) -> dict[str, float]:
        """Return the probability of each observation, calibrated on the validation split."""
        scaled = self.slope.to(logits.device) * logits + self.intercept.to(logits.device)
        return dict(zip(OBSERVATIONS, torch.sigmoid(scaled).tolist(), strict=True))

    def tensors(self) -> dict[str, Tensor]:
        """Return everything as named tensors."""
        limits = {f"thresholds.{point}": values for point, values in self.thresholds.items()}
        own = {name: getattr(self, name) for name in ("weight", "bias", "slope", "intercept")}
        return {**own, **limits}

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
        own = {name: tensors[name] for name in ("weight", "bias", "slope", "intercept") if name in tensors}
        if len(own) < 4 or not thresholds:
            raise ValueError("its label classifier lacks weights, thresholds or calibration")
        labels = len(OBSERVATIONS)
        per_label = [*thresholds.values(), own["bias"], own["slope"], own["intercept"]]
        weight = own["weight"]
        shaped = weight.ndim == 2 and weight.shape[0] == labels
        if not shaped or any(values.shape != (labels,) for values in per_label):
            raise ValueError(f"its label classifier does not fit {labels} observations")
        finite = {f"label classifier's {name}": own[name] for name in ("weight", "bias", "slope")}
        require_finite_weights(finite)
        limits = thresholds.values()
        if any(bool((values.isnan() | (values == -math.inf)).any()) for values in limits):
            raise ValueError("a threshold of its label classifier is not a number")
        if bool(own["intercept"].isnan().any()):
            raise ValueError("an intercept of its label classifier is not a number")
        return cls(**own, thresholds=thresholds)
