"""Nodes of the stage."""

from __future__ import annotations

import pandas as pd

from coherent_cxr.corpora import parsing
from coherent_cxr.corpora.parsing import ReportParsingConfig


def parse_reports(
    config: ReportParsingConfig,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Parse the raw corpus; return studies, images, exclusions and MeSH terms."""
    corpus = parsing.parse_reports(config)
    return corpus.studies, corpus.images, corpus.exclusions, corpus.mesh_terms
