"""Nodes of the stage."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from coherent_cxr.images.phantom.fabrication import FabricationConfig, provide_radiographs
from coherent_cxr.images.preparation import RadiographsManifest
from coherent_cxr.images.sheets import example_sheet


def fabricate_radiographs(
    config: FabricationConfig, images: pd.DataFrame, findings: pd.DataFrame, chexpert_labels: pd.DataFrame
) -> dict[str, Any]:
    """Draw one phantom per study, or name the corpus' own images."""
    return provide_radiographs(config, images, findings, chexpert_labels)


def show_examples(radiographs: dict[str, Any], images: pd.DataFrame, chexpert_labels: pd.DataFrame) -> Figure:
    """Draw a contact sheet of radiographs that cover the labels."""
    return example_sheet(RadiographsManifest.from_dict(radiographs), images, chexpert_labels)
