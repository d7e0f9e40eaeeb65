"""Nodes that write the results page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from coherent_cxr.corpora.parsing import ReportParsingConfig
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.report.page import Attended
from coherent_cxr.evaluation.systems import first_images, first_views, references_of, test_studies
from coherent_cxr.images.store import ImageStore
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.pipelines.evaluation.nodes import COMPARED, oracles

CORPORA = {
    "openi": "Open-I", "openi_kaggle": "Open-I", "mimic_cxr": "MIMIC-CXR", "padchest": "PadChest",
    "chexpert_plus": "CheXpert Plus", "imported": "imported",
}  # fmt: skip
T = TypeVar("T")


def write_results_page(
    config: EvaluationConfig,
    parsing: ReportParsingConfig,
    metrics: pd.DataFrame,
    comparisons: pd.DataFrame,
    generated_reports: pd.DataFrame,
    generated_labels: pd.DataFrame,
    reference_labels: pd.DataFrame,
    studies: pd.DataFrame,
    findings: pd.DataFrame,
    chexpert_labels: pd.DataFrame,
    splits: pd.DataFrame,
    image_store: ImageStore,
    radiographs: dict[str, Any],
    validation_metrics: dict[str, Any],
    attended: Attended,
    label_quality: pd.DataFrame,
    label_reliability: pd.DataFrame,
    label_thresholds: pd.DataFrame,
    finding_token_agreement: pd.DataFrame,
    consensus_quality: pd.DataFrame,
    section_metrics: pd.DataFrame,
    **others: pd.DataFrame | ModelBundle,
) -> str:
    """Write the results page; the others are ``<stage>_history``, ``<stage>_exclusions`` and generators."""
    from coherent_cxr.evaluation import cards
    from coherent_cxr.evaluation.report.page import (
        Background,
        Champion,
        EncoderQuality,
        Judged,
        results_page,
    )
    from coherent_cxr.runtime.provenance import provenance

    test = test_studies(findings, splits, image_store.index["study_id"])
    judged = Judged.of(
        config,
        metrics,
        comparisons,
        generated_reports,
        generated_labels,
        references_of(test, findings, reference_labels, splits),
        dict(zip(findings["study_id"], findings["text"], strict=True)),
        notices=(radiographs["notice"],),
        oracles=oracles(generated_reports["system"]),
    )
    models = {name: own for name, own in others.items() if isinstance(own, ModelBundle)}
    tables = {name: own for name, own in others.items() if isinstance(own, pd.DataFrame)}
    system = validation_metrics["candidate"]
    images = "synthetic images" if radiographs["drawn"] else "radiographs"
    background = Background(
        images=first_images(image_store, test),
        views=first_views(image_store, test),
        main_system=attended.system,
        champion=Champion(system, validation_metrics["rule"]),
        provenance=[
            *provenance(Path.cwd()),
            ("corpus", f"{CORPORA[parsing.corpus]} reports, {images}"),
            ("test studies", f"{len(test):,}"),
            ("judged by", f"rule set {judged.judges[0]}"),
            ("tokens", ", ".join(config.protocols)),
        ],
        compared=COMPARED,
        attended=attended,
        histories=_by_stage(tables, "_history"),
        counts=cards.corpus_counts(studies, findings, splits, image_store.index),
        exclusions=cards.exclusion_counts(_by_stage(tables, "_exclusions")),
        labels=cards.label_counts(chexpert_labels, splits),
        model=cards.model_facts(system, models[system]),
        encoder=EncoderQuality(label_quality, label_reliability, label_thresholds),
        finding_tokens=finding_token_agreement,
        consensus=consensus_quality,
        sections=section_metrics,
    )
    return results_page(judged, background)


def _by_stage(tables: Mapping[str, T], ending: str) -> dict[str, T]:
    return {name.removesuffix(ending): table for name, table in tables.items() if name.endswith(ending)}
