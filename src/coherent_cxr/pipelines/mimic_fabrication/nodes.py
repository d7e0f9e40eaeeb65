"""Nodes of the stage."""

from __future__ import annotations

from functools import partial
from typing import Any

from coherent_cxr.corpora.mimic_cxr.fabrication import MimicFabricationConfig, fabricate_mimic_cxr
from coherent_cxr.images.phantom import NOTICE, draw_phantom


def fabricate(config: MimicFabricationConfig) -> dict[str, Any]:
    """Write a fabricated publication with phantoms for images; return where it is and how large."""
    studies = fabricate_mimic_cxr(config, partial(draw_phantom, size=256, seed=config.seed))
    return {
        "root": config.folder,
        "studies": len(studies),
        "images": sum(len(study.views) for study in studies),
        "notice": f"Fabricated, not MIMIC-CXR. {NOTICE}",
    }
