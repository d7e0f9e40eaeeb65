"""The labeller of everything that is shown beside one report."""

from __future__ import annotations

from typing import Final

from coherent_cxr.chexpert.engine.labeller import CheXpertLabeler

SHOWN_RULES: Final = "corrected"
"""What a reader is told about a text is as true as we can make it, whatever rule set judged a run."""


def shown_labeler() -> CheXpertLabeler:
    """Return the labeller whose labels and mentions stand beside single reports."""
    return CheXpertLabeler(SHOWN_RULES)
