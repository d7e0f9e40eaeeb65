"""Nodes of the stage."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from coherent_cxr.pieces.mapping import map_by_study
from coherent_cxr.pieces.table_file import Table, held, pieces_of
from coherent_cxr.reports import encoding
from coherent_cxr.reports.encoding import CountedCorpus, VocabularyBuildingConfig
from coherent_cxr.reports.priors import MOMENT
from coherent_cxr.reports.vocabulary import Vocabulary


def split_studies(
    config: VocabularyBuildingConfig, findings: Table, studies: Table
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split the studies that have findings; return splits and exclusions."""
    ids = held(findings, ["study_id"])
    patients = held(studies, ["study_id", "patient_id"], optional=MOMENT)
    split = encoding.split_studies(config, ids, patients)
    return split.splits, split.exclusions


def build_vocabulary(
    config: VocabularyBuildingConfig, splits: Table, findings: Table, sentence_labels: Table
) -> tuple[dict[str, Any], dict[str, int]]:
    """Count the training split; return its vocabulary and how often each finding is affirmed."""
    texts = pieces_of(findings, ["study_id", "tokens"])
    counted = encoding.count_corpus(config, held(splits), texts, pieces_of(sentence_labels))
    return counted.vocabulary.to_dict(), counted.occurrences


def encode_reports(
    config: VocabularyBuildingConfig,
    vocabulary: Mapping[str, Any],
    finding_occurrences: dict[str, int],
    findings: Table,
    splits: Table,
    sentence_labels: Table,
) -> Table:
    """Return the reports in word ids."""
    counted = CountedCorpus(Vocabulary.from_dict(vocabulary), finding_occurrences)
    encode = partial(encoding.encode_reports, config, counted)
    tables = {"findings": findings, "splits": splits, "sentence_labels": sentence_labels}
    (encoded,) = map_by_study(encode, here=True, **tables)
    return encoded


def count_splits(encoded_reports: Table) -> pd.DataFrame:
    """Return studies, words and unknown words per split."""
    return encoding.split_overview(held(encoded_reports, ["study_id", "split", "n_words", "n_unknown"]))
