"""Corpora that come as one table with a row per image and the study's report beside each of its images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from coherent_cxr.corpora.mesh import mesh_table
from coherent_cxr.corpora.openi.loader import CorpusError, ParsedCorpus
from coherent_cxr.corpora.openi.report import section_text
from coherent_cxr.inputs.errors import TableError
from coherent_cxr.inputs.quoting import quote
from coherent_cxr.inputs.tables.reading import read_table
from coherent_cxr.inputs.tables.study_ids import rounded

OTHER_TEXT = "other_text_of_study"
"""Reason of the one exclusion that is no row: a text of a study of which another text counts."""


def read_rows(
    path: Path, columns: Sequence[str], remedy: str, *, keep_null_words: bool = False
) -> pd.DataFrame:
    """Read columns of a corpus' table as text; row 0 stands in line 2 of the file.

    Args:
        path: The table.
        columns: Those that it must have.
        remedy: What to do about a table that cannot be used, as a sentence.
        keep_null_words: As in :func:`~coherent_cxr.inputs.tables.reading.read_table`.

    Raises:
        CorpusError: If the table is missing, damaged or lacks a column.
    """
    try:
        return read_table(path, columns, keep_null_words=keep_null_words)
    except TableError as error:
        raise CorpusError(f"{error} {remedy}") from error


def gather(rows: pd.DataFrame, sections: Sequence[str], table: str) -> ParsedCorpus:
    """Gather images into studies; every row becomes an image or an exclusion.

    Of several texts of one study the first counts, and each further one is an exclusion besides
    (:data:`OTHER_TEXT`). A row of a known study that names another patient is left out. A study without a
    patient is a patient of its own.

    Args:
        rows: study_id, patient_id (both clean), study_date (``2014-09-15``, the first of a study counts),
            image_id, view, view_source, the sections, and reason and detail of rows whose image is refused;
            all text or missing.
        sections: Names of the sections' columns.
        table: Name of the file, for the exclusions.

    Returns:
        The tables, without MeSH terms.
    """
    dates = rows.dropna(subset=["study_id", "study_date"]).drop_duplicates("study_id")
    date_of = dates.set_index("study_id")["study_date"].to_dict()
    named = rows.dropna(subset=["study_id", "patient_id"])
    patients = named.drop_duplicates("study_id").set_index("study_id")["patient_id"].to_dict()
    studies: dict[str, tuple[str | None, ...]] = {}
    images: list[tuple[str, str, str, str]] = []
    seen: set[str] = set()
    excluded: list[tuple[str, str, str]] = []
    for number, row in zip(rows.index, rows.to_dict("records"), strict=True):
        study, image = row["study_id"], row["image_id"]
        name = f"row {number + 2}" if pd.isna(image) else str(image)
        if pd.isna(study) or rounded(study):
            why = f"The row of {table} names no study." if pd.isna(study) else rounded(study)
            refused = isinstance(row["reason"], str)
            excluded.append((name, *((row["reason"], row["detail"]) if refused else ("no_study_id", why))))
            continue
        if not pd.isna(row["patient_id"]) and row["patient_id"] != patients[study]:
            detail = f"An earlier row of {table} gives the study {quote(study)} to another patient."
            excluded.append((name, "study_of_another_patient", detail))
            continue
        texts = tuple(section_text(s, row[s]) if isinstance(row[s], str) else None for s in sections)
        known = studies.get(study)
        if known is None or not any(known):
            studies[study] = texts
        elif any(texts) and texts != known:
            detail = f"An earlier row of {table} has another text of the study {quote(study)}, which counts."
            excluded.append((f"row {number + 2}", OTHER_TEXT, detail))
        if isinstance(row["reason"], str):
            excluded.append((name, row["reason"], str(row["detail"])))
        elif pd.isna(image):
            excluded.append((name, "no_image_name", f"The row of {table} names no image."))
        elif image in seen:
            excluded.append((name, "duplicate_image", f"{table} names the image twice."))
        else:
            seen.add(image)
            images.append((image, study, row["view"], row["view_source"]))
    return ParsedCorpus(
        pd.DataFrame(
            [
                (study, patients.get(study, study), *texts, date_of.get(study), None)
                for study, texts in studies.items()
            ],
            columns=["study_id", "patient_id", *sections, "study_date", "study_time"],
        ).astype("str"),
        pd.DataFrame(images, columns=["image_id", "study_id", "view", "view_source"]).astype("str"),
        pd.DataFrame(excluded, columns=["id", "reason", "detail"]).astype("str"),
        mesh_table([]),
    )
