"""Nodes of the stage."""

from __future__ import annotations

import pandas as pd

from coherent_cxr.reports import findings
from coherent_cxr.reports.findings import FindingsExtractionConfig


def extract_findings(
    config: FindingsExtractionConfig, studies: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Extract the findings of every study; return them and the exclusions."""
    return findings.extract_findings(config, studies)
