"""Sets of observations over which clinical metrics are averaged."""

from __future__ import annotations

from typing import Final

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.codes import DEFAULT_TYPES
from coherent_cxr.chexpert.observations import LiveMapping, how_many
from coherent_cxr.rewards.clinical.f1_means import FIVE


def _label_sets() -> dict[str, tuple[str, ...]]:
    five = {"5 labels": FIVE} if set(FIVE) <= set(OBSERVATIONS) else {}
    return {how_many(): tuple(OBSERVATIONS), how_many("findings"): tuple(DEFAULT_TYPES)} | five


LABEL_SETS: Final = LiveMapping(_label_sets)
"""Labels by the name of the set: "14 labels", "13 labels", "5 labels"; others where the labels are others."""
