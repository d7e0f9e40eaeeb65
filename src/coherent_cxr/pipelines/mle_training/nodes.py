"""Nodes of the stage."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from torch import Tensor

from coherent_cxr.chexpert.io.table_check import check_labels
from coherent_cxr.chexpert.tables import ChexpertLabellingConfig
from coherent_cxr.images.store import ImageStore
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.image_encoder.pretrained import PretrainedEncoder
from coherent_cxr.reports.findings import FindingsExtractionConfig
from coherent_cxr.reports.text import metric_text
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.rewards import CiderD
from coherent_cxr.training.mle.config import MleTrainingConfig


def count_document_frequencies(findings: pd.DataFrame, splits: pd.DataFrame) -> dict[str, Any]:
    """Count in how many training reports each n-gram occurs, for CIDEr-D."""
    training = set(splits.loc[splits["split"] == "train", "study_id"])
    tokens = findings.loc[findings["study_id"].isin(training), "tokens"]
    return CiderD.from_corpus([metric_text(report) for report in tokens]).to_dict()


def train_mle(
    config: MleTrainingConfig,
    image_store: ImageStore,
    pretrained_encoder: dict[str, Tensor],
    vocabulary: dict[str, Any],
    encoded_reports: pd.DataFrame,
    findings: pd.DataFrame,
    chexpert_labels: pd.DataFrame,
    document_frequencies: dict[str, Any],
    labelling: ChexpertLabellingConfig,
    extraction: FindingsExtractionConfig,
) -> tuple[ModelBundle, pd.DataFrame, list[dict[str, Any]], Figure]:
    """Train by likelihood; return the model, its history, sample reports per epoch and learning curves."""
    from coherent_cxr.evaluation.report.figures.curves import learning_curves
    from coherent_cxr.runtime.distributed import run_in_ranks
    from coherent_cxr.training.mle import train

    labeler = labelling.labeler()
    check_labels(labeler, findings, chexpert_labels)
    result = run_in_ranks(
        train.train_mle,
        config.processes,
        config,
        image_store,
        PretrainedEncoder.from_tensors(pretrained_encoder),
        Vocabulary.from_dict(vocabulary),
        encoded_reports,
        findings,
        chexpert_labels,
        CiderD.from_dict(document_frequencies),
        labeler,
    )
    curves = learning_curves(result.history, "likelihood training")
    metadata = {**result.bundle.metadata, "target": extraction.target}
    return replace(result.bundle, metadata=metadata), result.history, result.examples, curves
