"""Nodes of the stage."""

from __future__ import annotations

from coherent_cxr.corpora.parsing import ReportParsingConfig, stream_reports
from coherent_cxr.pieces.table_file import ROWS, Table, write_pieces


def parse_reports(config: ReportParsingConfig) -> tuple[Table, ...]:
    """Parse the raw corpus; return studies, images, exclusions and MeSH terms."""
    return write_pieces(stream_reports(config, ROWS))
