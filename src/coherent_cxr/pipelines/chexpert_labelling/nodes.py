"""Nodes of the stage."""

from __future__ import annotations

from functools import partial

from coherent_cxr.chexpert.tables import ChexpertLabellingConfig, label_tables
from coherent_cxr.pieces.mapping import map_by_study
from coherent_cxr.pieces.table_file import Table


def label_findings(config: ChexpertLabellingConfig, findings: Table) -> tuple[Table, ...]:
    """Label the findings; return the labels of reports, those of single sentences, and the mentions."""
    return map_by_study(partial(label_tables, config), findings=findings)
