"""The labeller of everything that is shown beside one report."""

from __future__ import annotations

from typing import Final

from coherent_cxr.chexpert.engine.labeller import CheXpertLabeler

SHOWN_RULES: Final = "corrected"
"""Labels and mentions beside a single text follow the most correct rules, whatever rule set judged a run."""


def shown_labeler() -> CheXpertLabeler:
    """Return the labeller whose labels and mentions stand beside single reports."""
    return CheXpertLabeler(SHOWN_RULES)
