"""Which raw corpus is parsed, and how."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from coherent_cxr.configuration import Settings
from coherent_cxr.corpora.chexpert_plus.loader import ChexpertPlusConfig, parse_chexpert_plus
from coherent_cxr.corpora.imported.loader import ImportedConfig, parse_imported
from coherent_cxr.corpora.mimic_cxr.loader import MimicCxrConfig, parse_mimic_cxr, stream_mimic_cxr
from coherent_cxr.corpora.openi.kaggle import parse_kaggle
from coherent_cxr.corpora.openi.loader import ParsedCorpus, parse_openi
from coherent_cxr.corpora.padchest.loader import PadchestConfig, parse_padchest


class ReportParsingConfig(Settings):
    """Settings of the stage ``report_parsing``.

    Attributes:
        corpus: Which corpus, in which layout.
        reports: Folder or .tgz of Open-I XML reports; null reads the archive in the torchxrayvision package.
            For ``openi_kaggle`` the folder of Kaggle's two CSV files.
        headers: CSV of the images' DICOM headers; null reads the one in the same package.
        views: CSV with image_id and view that is believed before the headers; null for none.
        mimic_cxr: Where MIMIC-CXR is.
        padchest: Where PadChest is.
        chexpert_plus: Where CheXpert Plus is.
        imported: Where ``coherent-cxr import`` wrote a corpus.
    """

    corpus: Literal["openi", "openi_kaggle", "mimic_cxr", "padchest", "chexpert_plus", "imported"]
    reports: str | None
    headers: str | None
    views: str | None
    mimic_cxr: MimicCxrConfig = MimicCxrConfig()
    padchest: PadchestConfig = PadchestConfig()
    chexpert_plus: ChexpertPlusConfig = ChexpertPlusConfig()
    imported: ImportedConfig = ImportedConfig()


def parse_reports(config: ReportParsingConfig) -> ParsedCorpus:
    """Parse the configured corpus.

    Raises:
        CorpusError: If a file or folder cannot be read.
    """
    if config.corpus == "mimic_cxr":
        return parse_mimic_cxr(config.mimic_cxr)
    if config.corpus == "openi_kaggle":
        return parse_kaggle(config.reports)
    if config.corpus == "padchest":
        return parse_padchest(config.padchest)
    if config.corpus == "chexpert_plus":
        return parse_chexpert_plus(config.chexpert_plus)
    if config.corpus == "imported":
        return parse_imported(config.imported)
    return parse_openi(config.reports, config.headers, config.views)


def stream_reports(config: ReportParsingConfig, rows: int) -> Iterator[ParsedCorpus]:
    """Parse the configured corpus piece by piece; the small corpora are one piece.

    Args:
        config: Settings.
        rows: Reports per piece.

    Raises:
        CorpusError: If a file or folder cannot be read.
    """
    if config.corpus == "mimic_cxr":
        yield from stream_mimic_cxr(config.mimic_cxr, rows)
    else:
        yield parse_reports(config)
