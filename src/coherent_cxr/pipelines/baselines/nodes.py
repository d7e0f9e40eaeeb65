"""Nodes of the stage."""

from __future__ import annotations

from typing import Any

import pandas as pd
from torch import Tensor

from coherent_cxr.evaluation.systems import test_studies
from coherent_cxr.images.store import ImageStore
from coherent_cxr.models.image_encoder.pretrained import PretrainedEncoder
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.training.baselines.train import BaselinesConfig, run_baselines


def compare_systems(
    config: BaselinesConfig,
    image_store: ImageStore,
    pretrained_encoder: dict[str, Tensor],
    vocabulary: dict[str, Any],
    encoded_reports: pd.DataFrame,
    findings: pd.DataFrame,
    chexpert_labels: pd.DataFrame,
    label_calls: pd.DataFrame,
    splits: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any], pd.DataFrame]:
    """Build the baselines; return their reports, their labels, their weights and their history."""
    result = run_baselines(
        config,
        image_store,
        PretrainedEncoder.from_tensors(pretrained_encoder),
        Vocabulary.from_dict(vocabulary),
        encoded_reports,
        findings,
        chexpert_labels,
        label_calls,
        test_studies(findings, splits, image_store.index["study_id"]),
    )
    return result.reports, result.labels, result.models, result.history
