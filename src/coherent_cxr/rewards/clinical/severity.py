"""Clinical severity: every missed and every invented finding costs what a table says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, NonNegativeFloat

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.codes import columns_of, default_types
from coherent_cxr.configuration import Settings, Share
from coherent_cxr.rewards.clinical.coherence import check_types, positive_table
from coherent_cxr.rewards.interface import Reward, RewardContext

MISSED: Final[Mapping[str, float]] = {
    "Pneumothorax": 4.0,
    "Consolidation": 3.0,
    "Edema": 3.0,
    "Lung Lesion": 3.0,
    "Pneumonia": 3.0,
    "Cardiomegaly": 2.0,
    "Enlarged Cardiomediastinum": 2.0,
    "Fracture": 2.0,
    "Lung Opacity": 2.0,
    "Pleural Effusion": 2.0,
}
"""Prices of missed findings unless a table is given: an example, which no clinician has approved."""


def _usual_prices() -> dict[str, float]:
    return {name: price for name, price in MISSED.items() if name in OBSERVATIONS}


def clinical_severity(
    predicted: ArrayLike,
    expected: ArrayLike,
    missed: NDArray[np.float64],
    invented: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return minus the price of what a report misses and invents, per observation.

    Args:
        predicted: p(+ | label) of generated reports ``(batch, types)``.
        expected: p(+ | label) of their references ``(batch, types)``.
        missed: Price of a missed finding per type ``(types,)``.
        invented: Price of an invented one ``(types,)``.

    Returns:
        ``(batch, types)``, 0 at most; what is uncertain on one side costs the share of the difference.
    """
    difference = np.asarray(predicted) - np.asarray(expected)
    return np.asarray(missed * np.minimum(difference, 0) - invented * np.maximum(difference, 0))


class ClinicalSeveritySettings(Settings):
    """Settings of ``clinical_severity``.

    Attributes:
        missed: Price of a missed finding, by observation; one that is not named costs ``other``.
        invented: Price of an invented finding, likewise.
        other: Price of what a table does not name.
        beta_u: p(+ | uncertain).
        types: Observations that count.
    """

    missed: dict[str, NonNegativeFloat] = Field(default_factory=_usual_prices)
    invented: dict[str, NonNegativeFloat] = Field(default_factory=dict)
    other: NonNegativeFloat = 1.0
    beta_u: Share = 0.5
    types: tuple[str, ...] = Field(default_factory=default_types)

    def check(self) -> None:
        """Refuse unknown observations."""
        check_types((*self.types, *self.missed, *self.invented))
        check_types(self.types)

    def build(self, context: RewardContext) -> Reward:
        """Return the reward: one term per observation."""
        columns, chance = columns_of(self.types), positive_table(self.beta_u)
        missed, invented = (
            np.array([table.get(name, self.other) for name in self.types])
            for table in (self.missed, self.invented)
        )
        return Reward(
            self.types,
            lambda c, r: clinical_severity(
                chance[c.labels[:, columns]], chance[r.labels[:, columns]], missed, invented
            ),
        )
