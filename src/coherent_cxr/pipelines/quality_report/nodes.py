"""Nodes of the stage."""

from __future__ import annotations

from typing import Any

import pandas as pd

from coherent_cxr.corpora.quality import counts
from coherent_cxr.corpora.quality.page import render
from coherent_cxr.images.store import ImageStore


def count_rows(
    studies: pd.DataFrame,
    findings: pd.DataFrame,
    splits: pd.DataFrame,
    image_store: ImageStore,
    parsing_exclusions: pd.DataFrame,
    findings_exclusions: pd.DataFrame,
    split_exclusions: pd.DataFrame,
    image_exclusions: pd.DataFrame,
) -> pd.DataFrame:
    """Count what every stage took in, gave out and left out, by reason."""
    return pd.concat(
        [
            counts.stage_counts("report_parsing", len(studies), parsing_exclusions),
            counts.stage_counts("findings_extraction", len(findings), findings_exclusions),
            counts.stage_counts("vocabulary_building", len(splits), split_exclusions),
            counts.stage_counts("image_preparation", len(image_store), image_exclusions),
        ],
        ignore_index=True,
    )


def find_leaks(splits: pd.DataFrame, findings: pd.DataFrame, image_store: ImageStore) -> pd.DataFrame:
    """Look for patients, images and report texts that are in more than one split."""
    return counts.leaks(splits, findings, image_store.pixels, image_store.index)


def describe(
    studies: pd.DataFrame,
    images: pd.DataFrame,
    findings: pd.DataFrame,
    chexpert_labels: pd.DataFrame,
    quality_counts: pd.DataFrame,
    quality_leaks: pd.DataFrame,
    view_report: dict[str, Any],
) -> str:
    """Write the page."""
    tables = {
        "What went in and out": quality_counts,
        "Leaks between the splits": quality_leaks,
        "Sections": counts.section_coverage(studies),
        "Views, as the corpus gives them": counts.view_counts(images),
        "Views, as image preparation found them out": counts.view_findings(view_report),
        "Findings": counts.text_distributions(findings),
        "Repeated findings": counts.repeated_texts(findings),
        "Labels": counts.label_prevalence(chexpert_labels),
    }
    return render(tables)
