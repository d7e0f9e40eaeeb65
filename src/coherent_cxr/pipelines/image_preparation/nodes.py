"""Nodes of the stage."""

from __future__ import annotations

from typing import Any

import pandas as pd

from coherent_cxr.images import preparation
from coherent_cxr.images.preparation import ImagePreparationConfig, RadiographsManifest
from coherent_cxr.images.store import ImageStore


def prepare_images(
    config: ImagePreparationConfig, images: pd.DataFrame, findings: pd.DataFrame, radiographs: dict[str, Any]
) -> tuple[ImageStore, pd.DataFrame, pd.DataFrame, dict[str, Any], dict[str, Any]]:
    """Decode the images of all studies with findings; return store and tables."""
    manifest = RadiographsManifest.from_dict(radiographs)
    return preparation.prepare_images(config, images, findings["study_id"], manifest)
