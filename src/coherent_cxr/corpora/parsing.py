"""Which raw corpus is parsed, and how."""

from __future__ import annotations

from coherent_cxr.configuration import configuration
from coherent_cxr.corpora.openi import ParsedCorpus, parse_openi


@configuration
class ReportParsingConfig:
    """Settings of the stage ``report_parsing``.

    Attributes:
        reports: Folder or .tgz of Open-I XML reports; null reads the archive in the torchxrayvision package.
        headers: CSV of the images' DICOM headers; null reads the one in the same package.
        views: CSV with image_id and view that is believed before the headers; null for none.
    """

    reports: str | None = None
    headers: str | None = None
    views: str | None = None


def parse_reports(config: ReportParsingConfig) -> ParsedCorpus:
    """Parse the configured corpus.

    Raises:
        CorpusError: If a file or folder cannot be read.
    """
    return parse_openi(config.reports, config.headers, config.views)
