"""The published files of MIMIC-CXR and MIMIC-CXR-JPG: where they are, and their tables."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from coherent_cxr.configuration import Settings
from coherent_cxr.corpora.mimic_cxr.reports import ARCHIVES, find_reports
from coherent_cxr.corpora.openi.loader import CorpusError
from coherent_cxr.inputs.errors import TableError
from coherent_cxr.inputs.tables.reading import load_table
from coherent_cxr.inputs.tables.reading import read_table as read_foreign_table
from coherent_cxr.inputs.tables.study_ids import clean_ids

logger = logging.getLogger(__name__)

_ID = r"^[sSpP](\d{8})$"  # as the folders are called


class Publication(NamedTuple):
    """One published file: what it is for, names it may have, columns it must have, who publishes it."""

    use: str
    names: tuple[str, ...]
    columns: tuple[str, ...]
    source: str


CXR, JPG = "https://physionet.org/content/mimic-cxr/", "https://physionet.org/content/mimic-cxr-jpg/"
PUBLICATIONS = {
    "reports": Publication("report texts", ARCHIVES, (), CXR),
    "studies": Publication(
        "list of studies",
        ("cxr-study-list.csv.gz", "cxr-study-list.csv"),
        ("subject_id", "study_id", "path"),
        CXR,
    ),
    "records": Publication(
        "list of images",
        ("cxr-record-list.csv.gz", "cxr-record-list.csv"),
        ("subject_id", "study_id", "dicom_id", "path"),
        CXR,
    ),
    "metadata": Publication(
        "views",
        ("mimic-cxr-2*-metadata.csv.gz", "mimic-cxr-2*-metadata.csv"),
        ("dicom_id", "subject_id", "study_id", "ViewPosition"),
        JPG,
    ),
    "split": Publication(
        "official split",
        ("mimic-cxr-2*-split.csv.gz", "mimic-cxr-2*-split.csv"),
        ("dicom_id", "study_id", "subject_id", "split"),
        JPG,
    ),
    "chexpert": Publication(
        "CheXpert labels",
        ("mimic-cxr-2*-chexpert.csv.gz", "mimic-cxr-2*-chexpert.csv"),
        ("subject_id", "study_id", "Cardiomegaly"),
        JPG,
    ),
    "negbio": Publication(
        "NegBio labels",
        ("mimic-cxr-2*-negbio.csv.gz", "mimic-cxr-2*-negbio.csv"),
        ("subject_id", "study_id", "Cardiomegaly"),
        JPG,
    ),
}
"""What PhysioNet ships, by our name for it."""


class MimicCxrConfig(Settings):
    """Where MIMIC-CXR is and how its reports are read.

    Attributes:
        root: Folder with mimic-cxr-reports.zip and the study and record lists; null for another corpus.
        jpg_root: Folder with the CSV files of MIMIC-CXR-JPG; null looks in ``root``.
        section_rules: Name or path of the section rules.
    """

    root: str | None = None
    jpg_root: str | None = None
    section_rules: str = "mimic_cxr"

    def folders(self) -> list[Path]:
        """Return the folders to look in.

        Raises:
            CorpusError: If one is not set or not there.
        """
        if self.root is None:
            raise CorpusError(
                "MIMIC-CXR has no place yet; set report_parsing.mimic_cxr.root to the folder of your copy, "
                "or the environment variable MIMIC_CXR_ROOT."
            )
        places = list(dict.fromkeys(Path(place) for place in (self.root, self.jpg_root) if place))
        for place in places:
            if not place.is_dir():
                raise CorpusError(f"There is no folder '{place}'; correct report_parsing.mimic_cxr.")
        return places


def find_file(config: MimicCxrConfig, name: str) -> Path | None:
    """Return the place of one of :data:`PUBLICATIONS`, or None if it is in none of the folders.

    That of the reports may be a folder in which they lie unpacked.
    """
    if name == "reports":
        return find_reports(config.folders())
    found = (
        path
        for folder in config.folders()
        for pattern in PUBLICATIONS[name].names
        for path in sorted(folder.glob(pattern))
    )
    return next(found, None)


def place_of(config: MimicCxrConfig, name: str) -> Path:
    """Return what :func:`find_file` does.

    Raises:
        CorpusError: If it is not there.
    """
    path = find_file(config, name)
    if path is None:
        published = PUBLICATIONS[name]
        unpacked = ", nor unpacked as files/p10/p…/s….txt" if name == "reports" else ""
        raise CorpusError(
            f"{published.names[0]} ({published.use}) is in none of "
            f"{', '.join(map(str, config.folders()))}{unpacked}; get it from {published.source} "
            "and run 'coherent-cxr check-data'."
        )
    return path


def read_table(
    config: MimicCxrConfig,
    name: str,
    columns: tuple[str, ...] | None = None,
    optional: tuple[str, ...] = (),
) -> pd.DataFrame:
    """Read one of the published CSV files as text.

    Args:
        config: Where the corpus is.
        name: One of :data:`PUBLICATIONS`.
        columns: Columns to read; those it must have by default.
        optional: Columns to read where it has them.

    Raises:
        CorpusError: If the file is missing, damaged, or lacks a column.
    """
    return _read(config, name, columns or PUBLICATIONS[name].columns, optional)


def read_labels(config: MimicCxrConfig, name: str = "chexpert") -> pd.DataFrame:
    """Read the labels that MIMIC-CXR-JPG ships; of rows that repeat a study the first counts, with a warning.

    Args:
        config: Where the corpus is.
        name: "chexpert" or "negbio".

    Returns:
        study_id and one column per observation: 1, 0, -1 or missing.

    Raises:
        CorpusError: If the file is missing or damaged.
    """
    table = _read(config, name, None).drop(columns="subject_id")
    repeated = table["study_id"].duplicated()
    if repeated.any():
        logger.warning(
            "'%s': %d of %d rows repeat a study and are left out; the first row of each counts.",
            place_of(config, name),
            repeated.sum(),
            len(table),
        )
    table = table[~repeated]
    observations = table.columns.drop("study_id")
    return table.assign(**table[observations].apply(pd.to_numeric, errors="coerce"))


def _read(
    config: MimicCxrConfig, name: str, columns: tuple[str, ...] | None, optional: tuple[str, ...] = ()
) -> pd.DataFrame:
    path = place_of(config, name)
    try:
        if columns and optional:
            there = load_table(path, (*columns, *optional)).rows
            table = there if set(columns) <= set(there) else read_foreign_table(path, columns)
        else:
            table = read_foreign_table(path, columns)
    except TableError as error:
        raise CorpusError(f"{error} If it is damaged, download it again.") from error
    if missing := [column for column in PUBLICATIONS[name].columns if not columns and column not in table]:
        raise CorpusError(f"'{path}' has no column {' and '.join(missing)}.")
    for column in table.columns.intersection(["study_id", "subject_id"]):
        table[column] = clean_ids(table[column]).str.replace(_ID, r"\1", regex=True)
    return table
