"""MIMIC-CXR and MIMIC-CXR-JPG as PhysioNet hands them out (Johnson et al. 2019; credentialed access).

227,835 reports and 377,110 images. Nothing here prints or logs a report's text: messages hold names and
counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from tqdm import tqdm

from coherent_cxr.configuration import configuration
from coherent_cxr.corpora.mesh import mesh_table
from coherent_cxr.corpora.mimic_reports import ARCHIVES, ReportFile, find_reports, read_reports
from coherent_cxr.corpora.openi import CorpusError, ParsedCorpus
from coherent_cxr.corpora.sectioning import Sectioner, findings_of
from coherent_cxr.inputs.archives import ArchiveError
from coherent_cxr.inputs.errors import TableError
from coherent_cxr.inputs.study_ids import clean_ids
from coherent_cxr.inputs.tables import read_table as read_foreign_table

SECTIONS = ("comparison", "indication", "technique", "findings", "impression", "addendum")
_ID = r"^[sSpP](\d{8})$"  # as the folders are called
LATERAL_VIEWS = {"LATERAL", "LL", "RL", "XTABLE LATERAL"}


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


@configuration
class MimicCxrConfig:
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


def read_table(config: MimicCxrConfig, name: str, columns: tuple[str, ...] | None = None) -> pd.DataFrame:
    """Read one of the published CSV files as text.

    Args:
        config: Where the corpus is.
        name: One of :data:`PUBLICATIONS`.
        columns: Columns to read; those it must have by default.

    Raises:
        CorpusError: If the file is missing, damaged, or lacks a column.
    """
    return _read(config, name, columns or PUBLICATIONS[name].columns)


def read_labels(config: MimicCxrConfig, name: str = "chexpert") -> pd.DataFrame:
    """Read the labels that MIMIC-CXR-JPG ships.

    Args:
        config: Where the corpus is.
        name: "chexpert" or "negbio".

    Returns:
        study_id and one column per observation: 1, 0, -1 or missing.

    Raises:
        CorpusError: If the file is missing or damaged.
    """
    table = _read(config, name, None).drop(columns="subject_id").drop_duplicates("study_id")
    observations = table.columns.drop("study_id")
    return table.assign(**table[observations].apply(pd.to_numeric, errors="coerce"))


def parse_mimic_cxr(config: MimicCxrConfig) -> ParsedCorpus:
    """Parse the corpus; every report and image becomes a row or an exclusion.

    Args:
        config: Where the corpus is.

    Returns:
        Studies, with the sections technique and addendum and the column findings_source besides the usual
        ones; study and patient ids are PhysioNet's numbers. Images by dicom_id. Exclusions.

    Raises:
        CorpusError: If a file is missing or damaged.
    """
    pieces = zip(*stream_mimic_cxr(config), strict=True)
    return ParsedCorpus(*(pd.concat(tables, ignore_index=True) for tables in pieces))


def stream_mimic_cxr(config: MimicCxrConfig, rows: int = 50_000) -> Iterator[ParsedCorpus]:
    """Parse the corpus piece by piece, holding no more than one piece of its texts.

    Args:
        config: Where the corpus is.
        rows: Reports per piece.

    Yields:
        Pieces of the tables that :func:`parse_mimic_cxr` gives; the images come with the last.

    Raises:
        CorpusError: If a file is missing or damaged.
    """
    listed, excluded = listed_studies(config)
    images, strays = listed_images(config, set(listed.index))
    sectioner = Sectioner(config.section_rules)
    studies: list[tuple[str | None, ...]] = []
    read: set[str] = set()
    told: set[str] = set()
    for name, study_id, data, refusal, detail in _reports(config):
        told.add(study_id)
        text, reason = decode_text(data)
        if refusal:
            excluded.append((name, refusal, detail))
        elif study_id in read:
            excluded.append((name, "duplicate_study", f"The study {study_id} was read from an earlier file."))
        elif study_id not in listed.index:
            excluded.append((name, "not_in_study_list", f"The study list does not name {study_id}."))
        elif reason:
            excluded.append((name, reason, "The file is empty or no text."))
        else:
            read.add(study_id)
            studies.append((study_id, str(listed[study_id]), *_sections(sectioner, text)))
            if len(studies) == rows:
                yield _piece(studies, images.head(0), excluded)
                studies, excluded = [], []
    for study_id in listed.index[~listed.index.isin(list(told))]:
        excluded.append((study_id, "missing_report", "The study list names it, but there is no report."))
    yield _piece(studies, images, [*excluded, *strays])


def view_of(position: str | float | None) -> str:
    """Return frontal, lateral or unknown for a View Position as MIMIC-CXR-JPG's metadata has it."""
    told = str(position).strip().upper() if isinstance(position, str) else ""
    if told in LATERAL_VIEWS:
        return "lateral"
    return "frontal" if told.startswith(("AP", "PA")) else "unknown"


def decode_text(data: bytes) -> tuple[str, str]:
    """Return a report's text, and why there is none ("empty_file", "wrong_encoding"), or empty."""
    if not data.strip():
        return "", "empty_file"
    if b"\0" in data:
        return "", "wrong_encoding"
    try:
        return data.decode("utf-8-sig"), ""
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace"), ""


def _read(config: MimicCxrConfig, name: str, columns: tuple[str, ...] | None) -> pd.DataFrame:
    path = place_of(config, name)
    try:
        table = read_foreign_table(path, columns)
    except TableError as error:
        raise CorpusError(f"{error} If it is damaged, download it again.") from error
    if missing := [column for column in PUBLICATIONS[name].columns if not columns and column not in table]:
        raise CorpusError(f"'{path}' has no column {' and '.join(missing)}.")
    for column in table.columns.intersection(["study_id", "subject_id"]):
        table[column] = clean_ids(table[column]).str.replace(_ID, r"\1", regex=True)
    return table


def _reports(config: MimicCxrConfig) -> Iterator[ReportFile]:
    try:
        yield from tqdm(read_reports(place_of(config, "reports")), desc="reports", unit="report")
    except ArchiveError as error:
        raise CorpusError(str(error)) from error


def _sections(sectioner: Sectioner, text: str) -> tuple[str | None, ...]:
    parts = sectioner.split(text)
    findings, source = findings_of(parts)
    parts["findings"] = findings or ""  # an impression or findings that say "None." are not in parts
    parts.setdefault("impression", parts.get("findings_and_impression", ""))
    return (*(parts.get(section) or None for section in SECTIONS), source or None)


def _piece(
    studies: list[tuple[str | None, ...]], images: pd.DataFrame, excluded: list[tuple[str, str, str]]
) -> ParsedCorpus:
    columns = ["study_id", "patient_id", *SECTIONS, "findings_source"]
    return ParsedCorpus(
        pd.DataFrame(studies, columns=columns).astype("str"),
        images,
        pd.DataFrame(excluded, columns=["id", "reason", "detail"]).astype("str"),
        mesh_table([]),
    )


def listed_studies(config: MimicCxrConfig) -> tuple[pd.Series, list[tuple[str, str, str]]]:
    """Read the list of studies.

    Returns:
        Patients by study, and (id, reason, detail) of rows that name no study. A study whose patient is not
        named is a patient of its own.

    Raises:
        CorpusError: If the list is missing or damaged.
    """
    table = read_table(config, "studies", ("subject_id", "study_id"))
    nameless = table["study_id"].isna()
    detail = "The row of the study list has no study_id."
    excluded = [(f"row {row + 2}", "no_study_id", detail) for row in table.index[nameless]]
    table = table[~nameless].drop_duplicates("study_id").set_index("study_id")
    return table["subject_id"].fillna(pd.Series(table.index, index=table.index)), excluded


def listed_images(
    config: MimicCxrConfig, studies: set[str]
) -> tuple[pd.DataFrame, list[tuple[str, str, str]]]:
    """Read the list of images and their views.

    Args:
        config: Where the corpus is.
        studies: Studies that there are.

    Returns:
        image_id, study_id, view and view_source, and (id, reason, detail) of the images left out.

    Raises:
        CorpusError: If a list is missing or damaged.
    """
    records = read_table(config, "records", ("dicom_id", "study_id"))
    nameless = records["dicom_id"].isna()
    excluded = [
        (f"row {row + 2}", "no_image_name", "The record list gives no dicom_id.")
        for row in records.index[nameless]
    ]
    records = records[~nameless]
    twice = records["dicom_id"].duplicated()
    stray = ~records["study_id"].isin(studies) & ~twice
    excluded += [
        (i, "duplicate_image", "The record list names it twice.") for i in records.loc[twice, "dicom_id"]
    ]
    excluded += [
        (image_id, "image_in_no_study", f"The study list does not name {study_id}.")
        for image_id, study_id in records[stray].itertuples(index=False)
    ]
    images = records[~twice & ~stray].rename(columns={"dicom_id": "image_id"}).reset_index(drop=True)
    if find_file(config, "metadata") is None:
        return images.astype("str").assign(view="unknown", view_source="none"), excluded
    metadata = read_table(config, "metadata", ("dicom_id", "ViewPosition")).drop_duplicates("dicom_id")
    views = metadata.set_index("dicom_id")["ViewPosition"].map(view_of)
    view = images["image_id"].map(views).fillna("unknown")
    source = view.map({"frontal": "metadata", "lateral": "metadata", "unknown": "none"})
    return images.astype("str").assign(view=view.to_numpy(), view_source=source.to_numpy()), excluded
