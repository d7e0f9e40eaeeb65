"""Nodes of the stage."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from coherent_cxr.chexpert.io.table_check import check_labels
from coherent_cxr.chexpert.tables import ChexpertLabellingConfig
from coherent_cxr.evaluation.headline import first_intervals
from coherent_cxr.images.store import ImageStore
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.rewards import CiderD
from coherent_cxr.serving.monitoring.reference import reference_text, validation_measures
from coherent_cxr.serving.registration import registry, scoring
from coherent_cxr.serving.registration.cards import model_card
from coherent_cxr.serving.registration.cards.chai import chai_card
from coherent_cxr.serving.registration.cards.head import with_head
from coherent_cxr.serving.registration.decisions import with_bands, with_decider
from coherent_cxr.serving.registration.familiarity import with_image_checks, with_training_studies
from coherent_cxr.serving.registration.selection import ModelRegistrationConfig, Promotion
from coherent_cxr.training.encoder.abstention import choose_bands


def score_candidates(
    config: ModelRegistrationConfig,
    image_store: ImageStore,
    encoded_reports: pd.DataFrame,
    findings: pd.DataFrame,
    chexpert_labels: pd.DataFrame,
    document_frequencies: dict[str, Any],
    splits: pd.DataFrame,
    labelling: ChexpertLabellingConfig,
    **models: ModelBundle,
) -> dict[str, Any]:
    """Score the generators on the validation split and name the one to register."""
    labeler = labelling.labeler()
    check_labels(labeler, findings, chexpert_labels)
    return scoring.score_candidates(
        config,
        models,
        image_store,
        encoded_reports,
        findings,
        chexpert_labels,
        CiderD.from_dict(document_frequencies),
        splits,
        labeler,
    )


def register_model(
    config: ModelRegistrationConfig,
    validation_metrics: dict[str, Any],
    metrics_summary: dict[str, Any],
    metrics: pd.DataFrame,
    generated_reports: pd.DataFrame,
    radiographs: dict[str, Any],
    image_store: ImageStore,
    encoded_reports: pd.DataFrame,
    image_checks: dict[str, Any],
    pretrained_encoder: dict[str, Any],
    label_thresholds: pd.DataFrame,
    label_scores: pd.DataFrame,
    chexpert_labels: pd.DataFrame,
    test_time_shifts: int,
    **models: ModelBundle,
) -> tuple[dict[str, Any], str, str, str]:
    """Register the chosen generator; return its record, its card in two forms, and numbers of validation."""
    validation_metrics = config.with_candidate(validation_metrics)
    bundle = with_image_checks(
        models[validation_metrics["candidate"]],
        image_checks,
        image_store,
        encoded_reports,
        Path(config.checkpoint_folder),
    )
    bundle = with_decider(bundle, pretrained_encoder, label_thresholds, test_time_shifts)
    of_validation = encoded_reports.loc[encoded_reports["split"] == "validation", "study_id"].tolist()
    abstention = choose_bands(
        label_scores, chexpert_labels, of_validation, label_thresholds, config.abstain_share
    )
    bundle = with_bands(bundle, abstention.bands)
    if config.name_training_studies:
        folder = Path(config.checkpoint_folder)
        bundle = with_training_studies(bundle, image_store, encoded_reports, folder)

    measures = validation_measures(bundle, image_store, of_validation)
    shown = None if bundle.decider is None else abstention
    of_candidate = generated_reports[generated_reports["system"] == validation_metrics["candidate"]]
    sample = (
        tuple(of_candidate.iloc[0][["study_id", "report"]])
        if config.sample_report and len(of_candidate)
        else None
    )

    def write_card(alias: str, promotion: Promotion) -> str:
        intervals = first_intervals(metrics, validation_metrics["candidate"])
        tables = bundle.metadata, validation_metrics, metrics_summary, intervals, radiographs
        return model_card.model_card(config, *tables, alias, promotion, shown, sample)

    def write_files(card: str, record: dict[str, Any]) -> dict[str, str]:
        numbers = validation_metrics, metrics_summary
        intervals = first_intervals(metrics, validation_metrics["candidate"])
        today = datetime.now(UTC).date().isoformat()
        return {
            registry.MODEL_CARD: with_head(card, config, *numbers, radiographs),
            registry.CHAI_CARD: chai_card(
                config, bundle.metadata, *numbers, intervals, radiographs, record, today
            ),
            registry.DRIFT_REFERENCE: reference_text(measures, record[registry.DIGEST]),
        }

    registered = registry.register(config, bundle, validation_metrics, write_card, write_files)
    names = registry.MODEL_CARD, registry.CHAI_CARD, registry.DRIFT_REFERENCE
    card, chai, reference = (registered.files[name] for name in names)
    return registered.record, card, chai, reference
