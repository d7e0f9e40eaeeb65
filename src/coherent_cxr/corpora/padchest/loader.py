"""PadChest (Bustos et al. 2020; Hospital San Juan, Alicante): Spanish reports, published as word stems.

160,861 images of 109,931 studies. The ``torchxrayvision`` package brings the table, so it needs no download.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from coherent_cxr.configuration import Settings
from coherent_cxr.corpora.image_rows import gather, read_rows
from coherent_cxr.corpora.mimic_cxr.dates import iso_date
from coherent_cxr.corpora.openi.loader import ParsedCorpus, package_file
from coherent_cxr.inputs.tables.study_ids import clean_ids

TABLE = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz"
COLUMNS = ("StudyDate_DICOM", "ImageID", "StudyID", "PatientID", "Projection", "Report")
VIEWS = {"PA": "frontal", "AP": "frontal", "AP_HORIZONTAL": "frontal", "L": "lateral"}
REFUSED = {
    "COSTAL": ("rib_view", "Its projection is COSTAL: it shows the ribs."),
    "EXCLUDE": ("excluded_by_publisher", "Its projection is EXCLUDE."),
}


class PadchestConfig(Settings):
    """Where PadChest is.

    Attributes:
        table: The published CSV file, packed or not; null reads the one in the torchxrayvision package.
    """

    table: str | None = None

    def path(self) -> Path:
        """Return the place of the table.

        Raises:
            CorpusError: If there is nothing.
        """
        return package_file(self.table, TABLE, "report_parsing.padchest.table")


def parse_padchest(config: PadchestConfig) -> ParsedCorpus:
    """Parse the table; every row becomes an image or an exclusion.

    The published text is the report's own, in small letters, without accents and endings; it has no sections
    and counts as findings. Images of ribs and those that the publisher marks EXCLUDE are left out.

    Args:
        config: Where the table is.

    Returns:
        The tables; views come from the projection.

    Raises:
        CorpusError: If the table is missing, damaged or lacks a column.
    """
    path = config.path()
    table = read_rows(path, COLUMNS, "Correct report_parsing.padchest.table, or download it again.")
    projection = table["Projection"].str.strip().str.upper()
    view = projection.map(VIEWS).fillna("unknown")
    rows = pd.DataFrame(
        {
            "study_id": clean_ids(table["StudyID"]),
            "patient_id": clean_ids(table["PatientID"]),
            "image_id": table["ImageID"].str.strip().str.replace(r"\.png$", "", case=False, regex=True),
            "view": view,
            "view_source": view.mask(view != "unknown", "projection").mask(view == "unknown", "none"),
            "findings": table["Report"],
            "impression": None,
            "study_date": table["StudyDate_DICOM"].map(iso_date),
            "reason": projection.map({name: reason for name, (reason, _) in REFUSED.items()}),
            "detail": projection.map({name: detail for name, (_, detail) in REFUSED.items()}),
        }
    )
    return gather(rows, ("findings", "impression"), path.name)
