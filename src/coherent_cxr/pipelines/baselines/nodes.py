"""Nodes of the stage."""

from __future__ import annotations

from typing import Any

import pandas as pd

from coherent_cxr.evaluation.systems import test_studies
from coherent_cxr.images.store import ImageStore
from coherent_cxr.training.compared_systems import BaselinesConfig


def write_baseline_reports(
    config: BaselinesConfig,
    image_store: ImageStore,
    pretrained_encoder: dict[str, Any],
    findings: pd.DataFrame,
    splits: pd.DataFrame,
) -> pd.DataFrame:
    """Let every compared system write for the test studies."""
    from coherent_cxr.training import compared_systems

    studies = test_studies(findings, splits, image_store.index["study_id"])
    return compared_systems.write_reports(config, image_store, pretrained_encoder, findings, splits, studies)
