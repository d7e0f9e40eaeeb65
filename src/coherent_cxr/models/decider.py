"""Which findings an image shows, decided by the classifier that the encoder was pretrained as."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor, nn

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.observations import NO_FINDING, label_set
from coherent_cxr.finite import require_finite, require_finite_weights
from coherent_cxr.models.encoders import encoder_names
from coherent_cxr.models.image_encoder.backbone import Backbone, LabelClassifier
from coherent_cxr.models.image_encoder.pretrained import PretrainedEncoder
from coherent_cxr.models.image_encoder.shifts import DIRECTIONS, average_logits

REFERENCE_POINT = "balanced"
"""Operating point whose bands count where none was asked for."""
THRESHOLDS, BANDS, OTHERS, SHIFTS = "thresholds.", "bands.", "others.", "shifts"
"""Names of tensors, or how they begin."""


class OperatingPointError(ValueError):
    """An operating point that a model does not have; the message says which ones it has."""


@dataclass(frozen=True)
class FindingDecider:
    """The label classifier on top of a generator's own encoder, with thresholds chosen on validation.

    Where several encoders were trained, the others' classifiers, each with its encoder, have a say.

    Attributes:
        weight: ``(14, channels)``.
        bias: ``(14,)``.
        thresholds: Logits at and above which each observation is called ``(14,)``, by operating point;
            infinite for one that is never called.
        slope: With ``intercept``, makes probabilities of logits ``(14,)``.
        intercept: ``(14,)``; minus infinity for an observation that never occurs.
        others: Further label classifiers whose logits are averaged with this one's; None without any.
        shifts: Shifted copies of each image whose logits are averaged with its own.
        bands: Lowest and highest probability of each observation between which the model abstains
            ``(14, 2)``, by operating point; the lowest is above the highest where it never does. Empty for
            models of earlier versions.
    """

    weight: Tensor
    bias: Tensor
    thresholds: Mapping[str, Tensor]
    slope: Tensor
    intercept: Tensor
    others: PretrainedEncoder | None = None
    shifts: int = 0
    bands: Mapping[str, Tensor] = field(default_factory=dict)

    @cached_property
    def _others(self) -> list[LabelClassifier]:
        return [] if self.others is None else self.others.classifiers()

    @torch.no_grad()
    def logits(self, backbone: Backbone, images: Tensor, features: Tensor) -> Tensor:
        """Score images; the mean over those of a study is the study's score.

        Args:
            backbone: The generator's encoder, in evaluation mode.
            images: Prepared grey images, uint8 ``(images, size, size)``.
            features: What the backbone sees in them ``(images, K, channels)``.

        Returns:
            A logit per observation ``(images, 14)``, the mean over classifiers and shifted copies.

        Raises:
            NonFiniteError: If a logit is not finite.
        """
        device = features.device
        own = LabelClassifier(len(OBSERVATIONS), backbone)  # of its parts only the backbone has two modes
        own.head.weight, own.head.bias = (nn.Parameter(part.to(device)) for part in (self.weight, self.bias))
        total = average_logits(own, images, own.classify(features), self.shifts)
        for other in self._others:
            total = total + average_logits(other.to(device), images, other.to(device)(images), self.shifts)
        logits = total / (1 + len(self._others))
        require_finite(logits, "The scores of the findings")
        return logits

    def limits_of(self, operating_point: str) -> Tensor:
        """Return the thresholds of an operating point ``(14,)``.

        Raises:
            OperatingPointError: If the operating point does not exist.
        """
        if operating_point not in self.thresholds:
            raise OperatingPointError(
                f"This model has no operating point '{operating_point[:50]}'; choose one of "
                f"{', '.join(sorted(self.thresholds))}."
            )
        return self.thresholds[operating_point]

    def called(self, logits: Tensor, operating_point: str) -> dict[str, bool]:
        """Decide every observation; "No Finding" is called where nothing but Support Devices is.

        Raises:
            OperatingPointError: If the operating point does not exist.
        """
        limits = self.limits_of(operating_point).to(logits.device)
        calls = dict(zip(OBSERVATIONS, (logits >= limits).tolist(), strict=True))
        aside = (NO_FINDING, *label_set().not_a_finding)
        calls[NO_FINDING] = not any(called for name, called in calls.items() if name not in aside)
        return calls

    def probabilities(self, logits: Tensor) -> dict[str, float]:
        """Return the probability of each observation, calibrated on the validation split."""
        scaled = self.slope.to(logits.device) * logits + self.intercept.to(logits.device)
        return dict(zip(OBSERVATIONS, torch.sigmoid(scaled).tolist(), strict=True))

    def uncertain(
        self, probabilities: Mapping[str, float], operating_point: str | None = None
    ) -> tuple[str, ...]:
        """Return the observations whose probability lies in the band in which the model abstains.

        Args:
            probabilities: From :meth:`probabilities`.
            operating_point: Whose bands; None takes those of :data:`REFERENCE_POINT`.
        """
        bands = self.bands.get(operating_point or REFERENCE_POINT)
        if bands is None:
            return ()
        limits = dict(zip(OBSERVATIONS, bands.tolist(), strict=True))
        return tuple(name for name, own in probabilities.items() if limits[name][0] <= own <= limits[name][1])

    def tensors(self) -> dict[str, Tensor]:
        """Return everything as named tensors."""
        limits = {f"{THRESHOLDS}{point}": values for point, values in self.thresholds.items()}
        own = {name: getattr(self, name) for name in ("weight", "bias", "slope", "intercept")}
        others = {} if self.others is None else self.others.to_tensors()
        averaged = {SHIFTS: torch.tensor(self.shifts)} if self.shifts else {}
        bands = {f"{BANDS}{point}": values for point, values in self.bands.items()}
        return {
            **own,
            **limits,
            **bands,
            **averaged,
            **{f"{OTHERS}{name}": value for name, value in others.items()},
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> FindingDecider:
        """Read what :meth:`tensors` returned.

        Raises:
            ValueError: If tensors are missing, of wrong shapes, not finite, or a threshold is not a number.
        """
        thresholds = _below(THRESHOLDS, tensors)
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
        shifts = tensors.get(SHIFTS, torch.tensor(0))
        if shifts.shape != () or shifts.is_floating_point() or not 0 <= int(shifts) <= len(DIRECTIONS):
            raise ValueError(f"its label classifier's number of shifts is none of 0 to {len(DIRECTIONS)}")
        bands = _below(BANDS, tensors)
        if any(
            band.shape != (labels, 2) or not bool(((band >= 0) & (band <= 1)).all())
            for band in bands.values()
        ):
            raise ValueError("a band of its label classifier holds no probabilities")
        return cls(
            **own, thresholds=thresholds, others=_classifiers(tensors), shifts=int(shifts), bands=bands
        )


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _classifiers(tensors: Mapping[str, Tensor]) -> PretrainedEncoder | None:
    """Return the further classifiers, if there are any that fit their architecture and the observations."""
    states = _below(OTHERS, tensors)
    if not states:
        return None
    require_finite_weights({f"label classifier's {name}": value for name, value in states.items()})
    others = PretrainedEncoder.from_tensors(states)
    if others.encoder not in encoder_names():
        raise ValueError(f"its label classifiers are of an unknown encoder, '{others.encoder[:50]}'")
    with torch.device("meta"):
        expected = LabelClassifier(len(OBSERVATIONS), Backbone(others.encoder)).state_dict()
    for state in others.members:
        if {name: value.shape for name, value in state.items()} != {
            name: value.shape for name, value in expected.items()
        }:
            raise ValueError(f"a label classifier of it does not fit the encoder {others.encoder}")
    return others
