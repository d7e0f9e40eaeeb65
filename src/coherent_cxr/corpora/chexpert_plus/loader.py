"""CheXpert Plus (Chambon et al. 2024; Stanford AIMI): CheXpert's images with their reports, in sections.

223,462 rows, of which most have an impression and about a quarter have findings. A row is an image; the
report stands beside each image of its study, now and then with another date in the place of the real one.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from coherent_cxr.configuration import Settings
from coherent_cxr.corpora.image_rows import gather, read_rows
from coherent_cxr.corpora.openi.loader import CorpusError, ParsedCorpus

TABLES = ("df_chexpert_plus_*.csv", "df_chexpert_plus_*.csv.gz", "df_chexpert_plus_*.parquet")
SOURCE = "https://aimi.stanford.edu/datasets/chexpert-plus"
SECTIONS = {
    "comparison": "section_comparison",
    "technique": "section_technique",
    "findings": "section_findings",
    "impression": "section_impression",
}
HISTORIES = ("section_clinical_history", "section_history")
COLUMNS = ("path_to_image", "deid_patient_id", "frontal_lateral", *SECTIONS.values(), *HISTORIES)
_PATH = r"(?:^|/)(?P<patient>patient\d+)/(?P<study>study\d+)/(?P<name>[A-Za-z0-9._-]+?)\.[A-Za-z]+$"


class ChexpertPlusConfig(Settings):
    """Where CheXpert Plus is.

    Attributes:
        root: Folder with df_chexpert_plus_240401.csv, or that file; null for another corpus.
    """

    root: str | None = None

    def path(self) -> Path:
        """Return the place of the table.

        Raises:
            CorpusError: If it is not set or not there.
        """
        if self.root is None:
            raise CorpusError(
                "CheXpert Plus has no place yet; set report_parsing.chexpert_plus.root to the folder of your "
                "copy, or the environment variable CHEXPERT_PLUS_ROOT."
            )
        root = Path(self.root)
        if root.is_file():
            return root
        found = next((path for name in TABLES for path in sorted(root.glob(name))), None)
        if found is None:
            raise CorpusError(
                f"df_chexpert_plus_240401.csv is not in '{root}'; get it from {SOURCE} or correct "
                "CHEXPERT_PLUS_ROOT (report_parsing.chexpert_plus.root)."
            )
        return found


def parse_chexpert_plus(config: ChexpertPlusConfig) -> ParsedCorpus:
    """Parse the table; every row becomes an image or an exclusion.

    Studies are called "patient00001_study1" and images "patient00001_study1_view1_frontal", as the paths say.

    Args:
        config: Where the table is.

    Returns:
        The tables, with the section technique besides the usual ones.

    Raises:
        CorpusError: If the table is missing, damaged or lacks a column.
    """
    path = config.path()
    table = read_rows(path, COLUMNS, "If it is damaged, download it again.")
    parts = table["path_to_image"].str.strip().str.replace("\\", "/").str.extract(_PATH)
    strange = parts["study"].isna() & table["path_to_image"].notna()
    patient = table["deid_patient_id"].str.strip().fillna(parts["patient"])
    stated = table["frontal_lateral"].str.strip().str.lower()
    named = parts["name"].str.extract(r"(frontal|lateral)")[0]
    view = stated.where(stated.isin(["frontal", "lateral"]), named).fillna("unknown")
    study = parts["patient"] + "_" + parts["study"]
    rows = pd.DataFrame(
        {
            "study_id": study,
            "patient_id": patient.where(~strange),
            "image_id": (study + "_" + parts["name"]).where(~strange),
            "view": view,
            "view_source": view.mask(view != "unknown", "table").mask(view == "unknown", "none"),
            "indication": table[HISTORIES[0]].fillna(table[HISTORIES[1]]),
            **{section: table[column] for section, column in SECTIONS.items()},
            "study_date": None,  # the order of a patient's reports is not one of time
            "reason": pd.Series("unexpected_name", table.index).where(strange),
            "detail": "Paths of images look like train/patient00001/study1/view1_frontal.jpg.",
        }
    )
    return gather(rows, ("comparison", "indication", "technique", "findings", "impression"), path.name)
