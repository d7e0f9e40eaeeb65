"""Nodes of the stage."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from coherent_cxr.images.preparation import ImagePreparationConfig
from coherent_cxr.images.store import ImageStore
from coherent_cxr.training.encoder.config import EncoderPretrainingConfig
from coherent_cxr.training.encoder.decisions import LabelDecisionsConfig, call_labels, choose_thresholds
from coherent_cxr.training.encoder.extra_images import ExtraImagesConfig, read_extra_images


def pretrain_encoder(
    config: EncoderPretrainingConfig,
    image_store: ImageStore,
    chexpert_labels: pd.DataFrame,
    splits: pd.DataFrame,
    mesh_terms: pd.DataFrame,
    extra_images: ExtraImagesConfig,
    image_preparation: ImagePreparationConfig,
) -> tuple[dict[str, Any], pd.DataFrame, Figure, pd.DataFrame]:
    """Train the encoder; return its weights, history, learning curves and further images left out."""
    from coherent_cxr.evaluation.report.figures.curves import learning_curves
    from coherent_cxr.runtime.distributed import run_in_ranks
    from coherent_cxr.training.encoder import train

    extra = read_extra_images(extra_images, image_preparation)
    tables = chexpert_labels, splits, mesh_terms
    pretrained, history = run_in_ranks(
        train.pretrain_encoder, config.processes, config, image_store, *tables, extra.sources
    )
    curves = learning_curves(history, "encoder pretraining")
    return pretrained.to_tensors(), history, curves, extra.exclusions


def score_labels(
    config: EncoderPretrainingConfig,
    pretrained_encoder: dict[str, Any],
    image_store: ImageStore,
    splits: pd.DataFrame,
) -> pd.DataFrame:
    """Score the labels of every study with an image."""
    from coherent_cxr.models.image_encoder.pretrained import PretrainedEncoder
    from coherent_cxr.training.encoder import scores

    encoder = PretrainedEncoder.from_tensors(pretrained_encoder)
    return scores.score_labels(config, encoder, image_store, splits)


def decide_labels(
    config: LabelDecisionsConfig,
    encoder_pretraining: EncoderPretrainingConfig,
    label_scores: pd.DataFrame,
    chexpert_labels: pd.DataFrame,
    splits: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Choose thresholds on validation; return them, and what those of the set point call for every study."""
    cross_fitted = encoder_pretraining.cross_fitted
    thresholds = choose_thresholds(config, label_scores, chexpert_labels, splits, cross_fitted)
    return thresholds, call_labels(label_scores, thresholds, config.operating_point)
