"""Nodes of the stage."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from coherent_cxr.chexpert.io.table_check import check_labels
from coherent_cxr.chexpert.tables import ChexpertLabellingConfig
from coherent_cxr.images.store import ImageStore
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.rewards import CiderD
from coherent_cxr.training.scst.config import RlFineTuningConfig


def fine_tune(
    config: RlFineTuningConfig,
    mle_model: ModelBundle,
    image_store: ImageStore,
    encoded_reports: pd.DataFrame,
    findings: pd.DataFrame,
    chexpert_labels: pd.DataFrame,
    document_frequencies: dict[str, Any],
    labelling: ChexpertLabellingConfig,
) -> tuple[ModelBundle, pd.DataFrame]:
    """Fine-tune the likelihood-trained model; return the model and its history."""
    from coherent_cxr.runtime.distributed import run_in_ranks
    from coherent_cxr.training.scst import train

    labeler = labelling.labeler()
    check_labels(labeler, findings, chexpert_labels)
    result = run_in_ranks(
        train.fine_tune,
        config.processes,
        config,
        mle_model,
        image_store,
        encoded_reports,
        findings,
        chexpert_labels,
        CiderD.from_dict(document_frequencies),
        labeler,
    )
    return result.bundle, result.history


def draw_curves(config: RlFineTuningConfig, history: pd.DataFrame) -> Figure:
    """Plot the telemetry of the run."""
    from coherent_cxr.evaluation.report.figures.curves import reward_curves

    return reward_curves(config.system, history)
