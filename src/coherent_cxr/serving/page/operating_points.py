"""The operating points of a model, in the order in which a slider shows them."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

from coherent_cxr.chexpert.observations import NO_FINDING
from coherent_cxr.models.decider import FindingDecider

MEANINGS = {
    "balanced": "best balance of found and invented findings (F1)",
    "sensitive": "finds more, invents more (F2)",
    "specific": "finds less, invents less (F0.5)",
}
PRECISION = "precision-"


class OperatingPoint(NamedTuple):
    """One choice of thresholds.

    Attributes:
        name: As the command line takes it, for example ``balanced``.
        meaning: What it is for.
        thresholds: Of each finding the probability at and above which it is called, 0 to 1; None for one
            that is never called. "No Finding" has none: it is called where nothing else is.
    """

    name: str
    meaning: str
    thresholds: dict[str, float | None]


def operating_points(decider: FindingDecider) -> list[OperatingPoint]:
    """Return all operating points, the strictest first.

    Args:
        decider: The label classifier with its thresholds.
    """
    points = [
        OperatingPoint(name, _meaning(name), _probabilities(decider, limits))
        for name, limits in decider.thresholds.items()
    ]
    return sorted(points, key=lambda point: (-_strictness(point), point.name))


def _meaning(name: str) -> str:
    if name.startswith(PRECISION):
        return f"of the calls of each finding at least {name.removeprefix(PRECISION)} are right"
    return MEANINGS.get(name, "thresholds of this model")


def _probabilities(decider: FindingDecider, limits: torch.Tensor) -> dict[str, float | None]:
    called = decider.probabilities(torch.where(limits.isinf(), 0, limits))
    never = dict(zip(called, limits.isinf().tolist(), strict=True))
    return {
        name: None if never[name] or not math.isfinite(value) else value
        for name, value in called.items()
        if name != NO_FINDING
    }


def _strictness(point: OperatingPoint) -> float:
    values = [1.0 if value is None else value for value in point.thresholds.values()]
    return sum(values) / max(1, len(values))
