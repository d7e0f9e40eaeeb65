"""Open-I as Kaggle distributes it: indiana_reports.csv, indiana_projections.csv and images_normalized."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from coherent_cxr.corpora.mesh import mesh_table
from coherent_cxr.corpora.openi.loader import CorpusError, ParsedCorpus
from coherent_cxr.corpora.openi.report import SECTIONS, section_text
from coherent_cxr.inputs.errors import TableError
from coherent_cxr.inputs.tables.null_words import is_null
from coherent_cxr.inputs.tables.reading import describe, load_table
from coherent_cxr.inputs.tables.study_ids import clean_ids

REPORTS, PROJECTIONS = "indiana_reports.csv", "indiana_projections.csv"
REPORT_COLUMNS, PROJECTION_COLUMNS = ("uid", *SECTIONS), ("uid", "filename", "projection")
MESH = "MeSH"


def parse_kaggle(folder: str | None) -> ParsedCorpus:
    """Parse the two tables; every row becomes a study or image, or an exclusion.

    Study ids are those of the publisher ("CXR1" for uid 1), so that split files fit both layouts. Image ids
    are file names without ".png" and ".dcm" ("1_IM-0001-4001"). The tables name no patients: each study
    counts as a patient of its own, which may let a patient cross the splits.

    Args:
        folder: Where the tables are.

    Returns:
        The tables; views come from the projections.

    Raises:
        CorpusError: If a table is missing, damaged or lacks a column.
    """
    if folder is None:
        raise CorpusError(f"Set report_parsing.reports to the folder that holds {REPORTS} and {PROJECTIONS}.")
    reports = _read(Path(folder) / REPORTS, REPORT_COLUMNS, optional=MESH)
    projections = _read(Path(folder) / PROJECTIONS, PROJECTION_COLUMNS)
    excluded: list[tuple[str, str, str]] = []

    nameless, twice = reports["uid"].isna(), reports["uid"].duplicated()
    excluded += [(f"row {row + 2}", "no_study_id", "The row has no uid.") for row in reports.index[nameless]]
    excluded += [
        (f"CXR{uid}", "duplicate_study", f"{REPORTS} has another row with this uid.")
        for uid in reports.loc[twice & ~nameless, "uid"]
    ]
    studies = reports[~nameless & ~twice].reset_index(drop=True)
    studies.insert(0, "study_id", "CXR" + studies["uid"])
    studies.insert(1, "patient_id", studies["study_id"])
    for section in SECTIONS:
        texts = [section_text(section, text) if isinstance(text, str) else None for text in studies[section]]
        studies[section] = texts

    images = projections.dropna(subset=["uid", "filename"])
    excluded += [
        (f"row {row + 2}", "no_image_name", f"The row of {PROJECTIONS} lacks uid or filename.")
        for row in projections.index.difference(images.index)
    ]
    image_id = (
        images["filename"]
        .str.strip()
        .str.rpartition("/")[2]
        .str.replace(r"\.(png|jpe?g)$", "", regex=True, case=False)
    )
    images = images.assign(
        image_id=image_id.str.removesuffix(".dcm"),
        study_id="CXR" + images["uid"],
        view=images["projection"].str.strip().str.lower(),
    )
    images["view"] = images["view"].where(images["view"].isin(["frontal", "lateral"]), "unknown")
    stray = ~images["study_id"].isin(studies["study_id"])
    excluded += [
        (image, "image_in_no_study", f"{REPORTS} has no report with this uid.")
        for image in images.loc[stray, "image_id"]
    ]
    images = images[~stray].reset_index(drop=True).assign(view_source="projection")
    terms = [
        (study, term)
        for study, coded in zip(studies["study_id"], studies.get(MESH, []), strict=False)
        if isinstance(coded, str)
        for term in coded.split(";")
    ]
    exclusions = pd.DataFrame(excluded, columns=["id", "reason", "detail"]).astype("str")
    return ParsedCorpus(
        studies[["study_id", "patient_id", *SECTIONS]].astype({"study_id": "str", "patient_id": "str"}),
        images[["image_id", "study_id", "view", "view_source"]].astype("str"),
        exclusions,
        mesh_table(terms),
    )


def _read(path: Path, columns: tuple[str, ...], optional: str = "") -> pd.DataFrame:
    """Read a table; in its texts "None." stays as written, as it says much in a comparison."""
    try:
        table = load_table(path, (*columns, optional), keep_null_words=True)
    except TableError as error:
        raise CorpusError(f"{error} Correct report_parsing.reports, or download it again.") from error
    missing = [column for column in columns if column not in table.rows]
    if missing:
        raise CorpusError(f"'{path}' has no column {' and '.join(missing)}; {describe(table)}.")
    if table.nested:
        raise CorpusError(f"The column '{table.nested[0]}' of '{path}' holds lists; single texts are needed.")
    rows = table.rows.assign(uid=clean_ids(table.rows["uid"]))
    return rows.assign(uid=rows["uid"].mask(rows["uid"].map(is_null)))
