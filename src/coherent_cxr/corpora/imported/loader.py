"""The tables that ``coherent-cxr import`` wrote."""

from __future__ import annotations

from pathlib import Path

from coherent_cxr.configuration import Settings
from coherent_cxr.corpora.image_rows import read_rows
from coherent_cxr.corpora.imported.importing import Imported
from coherent_cxr.corpora.imported.mapping import SECTIONS
from coherent_cxr.corpora.mesh import mesh_table
from coherent_cxr.corpora.openi.loader import CorpusError, ParsedCorpus

STUDIES, IMAGES, EXCLUSIONS, SPLITS = "studies.parquet", "images.parquet", "exclusions.parquet", "splits.csv"
COLUMNS = {
    STUDIES: ("study_id", "patient_id", *SECTIONS, "findings_source", "study_date", "study_time"),
    IMAGES: ("image_id", "study_id", "view", "view_source"),
    EXCLUSIONS: ("id", "reason", "detail"),
}
_REMEDY = "Run 'coherent-cxr import' again."


class ImportedConfig(Settings):
    """Where an import is.

    Attributes:
        root: The folder that ``coherent-cxr import`` wrote; null for another corpus.
    """

    root: str | None = None

    def path(self) -> Path:
        """Return the table of studies.

        Raises:
            CorpusError: If there is none.
        """
        path = Path(self.root or "") / STUDIES
        if self.root is None or not path.is_file():
            place = "No import is named" if self.root is None else f"'{self.root}' holds no import"
            raise CorpusError(f"{place}; run 'coherent-cxr import' or correct report_parsing.imported.root.")
        return path


def write_imported(imported: Imported, folder: Path) -> None:
    """Write the tables into a folder that exists."""
    studies, images, exclusions, _ = imported.corpus
    for name, table in ((STUDIES, studies), (IMAGES, images), (EXCLUSIONS, exclusions)):
        table.to_parquet(folder / name, index=False)
    if imported.splits is not None:
        imported.splits.to_csv(folder / SPLITS, index=False)


def parse_imported(config: ImportedConfig) -> ParsedCorpus:
    """Read the tables.

    Raises:
        CorpusError: If they are missing, damaged or lack a column.
    """
    folder = config.path().parent
    studies, images, exclusions = [
        read_rows(folder / name, columns, _REMEDY, keep_null_words=True)  # a view is "unknown"
        for name, columns in COLUMNS.items()
    ]
    return ParsedCorpus(studies, images, exclusions, mesh_table([]))
