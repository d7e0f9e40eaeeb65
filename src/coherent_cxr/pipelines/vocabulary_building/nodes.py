"""Nodes of the stage."""

from __future__ import annotations

from typing import Any

import pandas as pd

from coherent_cxr.reports.encoding import VocabularyBuildingConfig, encode_corpus, split_overview


def build_vocabulary(
    config: VocabularyBuildingConfig,
    findings: pd.DataFrame,
    studies: pd.DataFrame,
    sentence_labels: pd.DataFrame,
) -> tuple[pd.DataFrame, dict[str, Any], pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Split, count and encode; return splits, vocabulary, encoded reports, exclusions and an overview."""
    corpus = encode_corpus(config, findings, studies, sentence_labels)
    overview = split_overview(corpus.encoded_reports)
    return corpus.splits, corpus.vocabulary.to_dict(), corpus.encoded_reports, corpus.exclusions, overview
