"""Nodes of the stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from coherent_cxr.datasets.table_file import Table, pieces_of, read_columns
from coherent_cxr.reports import encoding
from coherent_cxr.reports.encoding import CountedCorpus, VocabularyBuildingConfig
from coherent_cxr.reports.vocabulary import Vocabulary


def split_studies(
    config: VocabularyBuildingConfig, findings: Table, studies: Table
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split the studies that have findings; return splits and exclusions."""
    ids = read_columns(findings, ["study_id"])
    split = encoding.split_studies(config, ids, read_columns(studies, ["study_id", "patient_id"]))
    return split.splits, split.exclusions


def build_vocabulary(
    config: VocabularyBuildingConfig, splits: pd.DataFrame, findings: Table, sentence_labels: Table
) -> tuple[dict[str, Any], dict[str, int]]:
    """Count the training split; return its vocabulary and how often each finding is affirmed."""
    texts = pieces_of(findings, ["study_id", "tokens"])
    counted = encoding.count_corpus(config, splits, texts, pieces_of(sentence_labels))
    return counted.vocabulary.to_dict(), counted.occurrences


def encode_reports(
    config: VocabularyBuildingConfig,
    vocabulary: Mapping[str, Any],
    finding_occurrences: dict[str, int],
    findings: pd.DataFrame,
    splits: pd.DataFrame,
    sentence_labels: pd.DataFrame,
) -> pd.DataFrame:
    """Return the reports in word ids."""
    counted = CountedCorpus(Vocabulary.from_dict(vocabulary), finding_occurrences)
    return encoding.encode_reports(config, counted, splits, findings, sentence_labels)


def count_splits(encoded_reports: Table) -> pd.DataFrame:
    """Return studies, words and unknown words per split."""
    return encoding.split_overview(
        read_columns(encoded_reports, ["study_id", "split", "n_words", "n_unknown"])
    )
