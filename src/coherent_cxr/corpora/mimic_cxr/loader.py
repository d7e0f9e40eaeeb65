"""MIMIC-CXR and MIMIC-CXR-JPG as PhysioNet distributes them (Johnson et al. 2019; credentialed access).

227,835 reports and 377,110 images. Nothing here prints or logs a report's text: messages hold names and
counts.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from coherent_cxr.corpora.mesh import mesh_table
from coherent_cxr.corpora.mimic_cxr.dates import Moment, study_moments
from coherent_cxr.corpora.mimic_cxr.files import MimicCxrConfig, find_file, place_of, read_labels, read_table
from coherent_cxr.corpora.mimic_cxr.reports import ReportFile, read_reports
from coherent_cxr.corpora.openi.loader import CorpusError, ParsedCorpus
from coherent_cxr.corpora.sections.sectioning import Sectioner, findings_of
from coherent_cxr.inputs.archives import ArchiveError
from coherent_cxr.inputs.quoting import quote
from coherent_cxr.runtime.progress_line import counted

__all__ = ["MimicCxrConfig", "parse_mimic_cxr", "read_labels", "stream_mimic_cxr", "view_of"]

SECTIONS = ("comparison", "indication", "technique", "findings", "impression", "addendum")
LATERAL_VIEWS = {"LATERAL", "LL", "RL", "XTABLE LATERAL"}


def parse_mimic_cxr(config: MimicCxrConfig) -> ParsedCorpus:
    """Parse the corpus; every report and image becomes a row or an exclusion.

    Args:
        config: Where the corpus is.

    Returns:
        Studies, with the sections technique and addendum and the columns findings_source, study_date and
        study_time besides the usual ones; study and patient ids are PhysioNet's numbers. Images by dicom_id.
        Exclusions.

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
    moments = study_moments(config)
    sectioner = Sectioner(config.section_rules)
    studies: list[tuple[str | None, ...]] = []
    read: set[str] = set()
    seen: set[str] = set()
    for name, study_id, data, refusal, detail in _reports(config):
        seen.add(study_id)
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
            moment = moments.get(study_id, Moment())
            studies.append((study_id, str(listed[study_id]), *_sections(sectioner, text), *moment))
            if len(studies) == rows:
                yield _piece(studies, images.head(0), excluded)
                studies, excluded = [], []
    for study_id in listed.index[~listed.index.isin(list(seen))]:
        excluded.append((study_id, "missing_report", "The study list names it, but there is no report."))
    yield _piece(studies, images, [*excluded, *strays])


def view_of(position: str | float | None) -> str:
    """Return frontal, lateral or unknown for a View Position as MIMIC-CXR-JPG's metadata has it."""
    view_position = str(position).strip().upper() if isinstance(position, str) else ""
    if view_position in LATERAL_VIEWS:
        return "lateral"
    return "frontal" if view_position.startswith(("AP", "PA")) else "unknown"


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


def _reports(config: MimicCxrConfig) -> Iterator[ReportFile]:
    try:
        yield from counted(read_reports(place_of(config, "reports")), "reading", "reports")
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
    columns = ["study_id", "patient_id", *SECTIONS, "findings_source", *Moment._fields]
    return ParsedCorpus(
        pd.DataFrame(studies, columns=columns).astype("str"),
        images,
        pd.DataFrame(excluded, columns=["id", "reason", "detail"]).astype("str"),
        mesh_table([]),
    )


def listed_studies(config: MimicCxrConfig) -> tuple[pd.Series, list[tuple[str, str, str]]]:
    """Read the list of studies.

    Returns:
        Patients by study, and (id, reason, detail) of rows that name no study, or one that an earlier row
        names. A study whose patient is not named is a patient of its own.

    Raises:
        CorpusError: If the list is missing or damaged.
    """
    table = read_table(config, "studies", ("subject_id", "study_id"))
    nameless = table["study_id"].isna()
    detail = "The row of the study list has no study_id."
    excluded = [(f"row {row + 2}", "no_study_id", detail) for row in table.index[nameless]]
    table = table[~nameless]
    twice = table["study_id"].duplicated()
    excluded += [
        (f"row {row + 2}", "duplicate_row", f"The study list names the study {quote(study)} twice.")
        for row, study in zip(table.index[twice], table.loc[twice, "study_id"], strict=True)
    ]
    table = table[~twice].set_index("study_id")
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
