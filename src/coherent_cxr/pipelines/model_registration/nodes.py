"""Nodes of the stage."""

from __future__ import annotations

from typing import Any

import pandas as pd

from coherent_cxr.images.store import ImageStore
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.rewards import CiderD
from coherent_cxr.serving import model_card, registry, scoring
from coherent_cxr.serving.selection import ModelRegistrationConfig


def score_candidates(
    config: ModelRegistrationConfig,
    mle_model: ModelBundle,
    nlg_model: ModelBundle,
    ccr_model: ModelBundle,
    full_model: ModelBundle,
    image_store: ImageStore,
    encoded_reports: pd.DataFrame,
    findings: pd.DataFrame,
    chexpert_labels: pd.DataFrame,
    document_frequencies: dict[str, Any],
) -> dict[str, Any]:
    """Score the four generators on the validation split and name the one to register."""
    return scoring.score_candidates(
        config,
        {"mle": mle_model, "nlg": nlg_model, "ccr": ccr_model, "full": full_model},
        image_store,
        encoded_reports,
        findings,
        chexpert_labels,
        CiderD.from_dict(document_frequencies),
    )


def register_model(
    config: ModelRegistrationConfig,
    mle_model: ModelBundle,
    nlg_model: ModelBundle,
    ccr_model: ModelBundle,
    full_model: ModelBundle,
    validation_metrics: dict[str, Any],
    metrics_summary: dict[str, Any],
    radiographs: dict[str, Any],
) -> tuple[dict[str, Any], str]:
    """Register the chosen generator; return what was registered and its model card."""
    models = {"mle": mle_model, "nlg": nlg_model, "ccr": ccr_model, "full": full_model}
    bundle = models[validation_metrics["candidate"]]
    card = model_card.model_card(config, bundle.metadata, validation_metrics, metrics_summary, radiographs)
    return registry.register(config, bundle, validation_metrics, card), card
