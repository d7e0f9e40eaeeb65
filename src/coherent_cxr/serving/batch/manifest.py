"""Studies listed in a table: one row per image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from coherent_cxr.images.reading.dicom.remarks import VIEWS
from coherent_cxr.inputs.errors import TableError
from coherent_cxr.inputs.quoting import quote
from coherent_cxr.inputs.tables.reading import describe, load_table
from coherent_cxr.inputs.tables.study_ids import clean_ids, rounded
from coherent_cxr.serving.study.study import GivenImage, Refusal, Study

ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet", ".csv.gz", ".tsv.gz", ".jsonl.gz")
"""How names of tables end."""
STUDY, PATH, VIEW = "study_id", "path", "view"


def is_manifest(path: Path) -> bool:
    """Tell by its name whether a file is a table of studies."""
    return path.name.lower().endswith(ENDINGS)


def studies_of_manifest(path: Path) -> Iterator[Study | Refusal]:
    """Read a table of images with the columns ``path`` and, if there are any, ``study_id`` and ``view``.

    Paths are relative to the folder of the table. Images with the same ``study_id`` are one study, wherever
    their rows stand; an image without one is a study by itself, named by its path. A view is a word such as
    ``frontal``, ``PA`` or ``lateral``; any other word leaves it to the image.

    Args:
        path: The table.

    Yields:
        Studies in the order in which they first appear, and what is wrong about single rows.

    Raises:
        TableError: If the table cannot be read or has no column ``path``.
    """
    table = load_table(path)
    names = {str(name).strip().lower(): name for name in table.rows.columns}
    if PATH not in names:
        raise TableError(
            f"'{path}' has no column {PATH}; {describe(table)}. A table of studies has the columns {PATH} "
            f"and, if you like, {STUDY} and {VIEW}."
        )
    absent = pd.Series(pd.NA, table.rows.index, dtype="str")
    columns = (STUDY, PATH, VIEW)
    rows = pd.DataFrame({name: table.rows[names[name]] if name in names else absent for name in columns})
    rows[STUDY] = clean_ids(rows[STUDY])
    studies: dict[str, dict[str, GivenImage]] = {}
    for number, (study, image, view) in enumerate(rows.itertuples(index=False), 2):
        place = "" if pd.isna(image) else str(image).strip()
        study_id = place if pd.isna(study) else str(study)
        if not place:
            where = f"Row {number} of '{path}'"
            yield Refusal(study_id or f"row {number}", "no_path", f"{where} names no image.")
        elif why := rounded(study_id):
            detail = f"Row {number} of '{path}' has the {STUDY} {quote(study_id)}. {why}"
            yield Refusal(study_id, "rounded_id", detail)
        else:
            given = GivenImage(path.parent / place, view=_view(view))
            studies.setdefault(study_id, {}).setdefault(place, given)
    for study_id, images in studies.items():
        yield Study(tuple(images.values()), study_id)


def _view(given: Any) -> Literal["frontal", "lateral"] | None:
    found = None if pd.isna(given) else VIEWS.get(" ".join(str(given).upper().split()))
    if found is None:
        return None
    return "lateral" if found == "lateral" else "frontal"
