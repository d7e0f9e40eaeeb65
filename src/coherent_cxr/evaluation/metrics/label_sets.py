"""Sets of observations over which clinical metrics are averaged."""

from __future__ import annotations

from typing import Final

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.rewards.clinical.f1_means import FIVE

LABEL_SETS: Final[dict[str, tuple[str, ...]]] = {
    "14 labels": OBSERVATIONS,
    "13 labels": tuple(name for name in OBSERVATIONS if name != "No Finding"),
    "5 labels": FIVE,
}
