"""Open-I as Kaggle distributes it: indiana_reports.csv, indiana_projections.csv and images_normalized."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from coherent_cxr.corpora.mesh import mesh_table
from coherent_cxr.corpora.openi import CorpusError, ParsedCorpus
from coherent_cxr.corpora.openi_report import SECTIONS, section_text

REPORTS, PROJECTIONS = "indiana_reports.csv", "indiana_projections.csv"
REPORT_COLUMNS, PROJECTION_COLUMNS = ("uid", *SECTIONS), ("uid", "filename", "projection")


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
    reports = _read(Path(folder) / REPORTS, REPORT_COLUMNS)
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
    image_id = images["filename"].str.replace(r"\.(png|jpe?g)$", "", regex=True, case=False)
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
    exclusions = pd.DataFrame(excluded, columns=["id", "reason", "detail"]).astype("str")
    return ParsedCorpus(
        studies[["study_id", "patient_id", *SECTIONS]].astype({"study_id": "str", "patient_id": "str"}),
        images[["image_id", "study_id", "view", "view_source"]].astype("str"),
        exclusions,
        mesh_table(terms),
    )


def _read(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str)
    except (OSError, ValueError) as error:
        raise CorpusError(
            f"{path} cannot be read ({error}); correct report_parsing.reports, or download it again."
        ) from error
    missing = [column for column in columns if column not in table]
    if missing:
        raise CorpusError(
            f"{path} has no column {', '.join(missing)}; it has {', '.join(map(str, table.columns))}."
        )
    return table[list(columns)]
