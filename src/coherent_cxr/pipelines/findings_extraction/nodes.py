"""Nodes of the stage."""

from __future__ import annotations

from functools import partial

from coherent_cxr.pieces.mapping import map_by_study
from coherent_cxr.pieces.table_file import Table, held
from coherent_cxr.reports import findings
from coherent_cxr.reports.findings import FindingsExtractionConfig


def extract_findings(config: FindingsExtractionConfig, studies: Table) -> tuple[Table, ...]:
    """Extract the findings of every study; return them and the exclusions."""
    if config.max_studies is not None:  # the first so many of each piece are not the first of all
        studies = held(studies)
    return map_by_study(partial(findings.extract_findings, config), studies=studies)
