"""Studies listed in a table: one row per image."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from coherent_cxr.images.reading.dicom.remarks import VIEWS
from coherent_cxr.inputs.errors import TableError
from coherent_cxr.inputs.quoting import quote
from coherent_cxr.inputs.tables.reading import describe, load_table
from coherent_cxr.inputs.tables.study_ids import clean_ids, rounded
from coherent_cxr.serving.study.study import GivenImage, GivenPrior, Refusal, Study, days_since_prior

STUDY, PATH, VIEW = "study_id", "path", "view"
PRIOR = ("prior_images", "days_since_prior", "prior_report")


def studies_of_manifest(path: Path) -> Iterator[Study | Refusal]:
    """Read a table of images with the columns ``path`` and, if there are any, ``study_id`` and ``view``.

    Paths are relative to the folder of the table. Images with the same ``study_id`` are one study, wherever
    their rows stand; an image without one is a study by itself, named by its path. A view is a word such as
    ``frontal``, ``PA`` or ``lateral``; any other word leaves it to the image.

    The study before of the same patient may stand in ``prior_images`` (paths with semicolons between them),
    ``days_since_prior`` and, if it has findings, ``prior_report``, in one row of a study or the same in
    several.

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
            f"and, if you like, {STUDY}, {VIEW} and those of the study before: {', '.join(PRIOR)}."
        )
    absent = pd.Series(pd.NA, table.rows.index, dtype="str")
    columns = (STUDY, PATH, VIEW, *PRIOR)
    rows = pd.DataFrame({name: table.rows[names[name]] if name in names else absent for name in columns})
    rows[STUDY] = clean_ids(rows[STUDY])
    studies: dict[str, dict[str, GivenImage]] = {}
    priors: dict[str, set[tuple[str, ...]]] = {}
    for number, (study, image, view, *prior) in enumerate(rows.itertuples(index=False), 2):
        place = _text(image)
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
            if any(told := tuple(map(_text, prior))):
                priors.setdefault(study_id, set()).add(told)
    for study_id, images in studies.items():
        try:
            before = _prior(path.parent, priors.get(study_id, set()))
        except ValueError as error:
            detail = f"The study {quote(study_id)} of '{path}' gets no report. {error}"
            yield Refusal(study_id, "wrong_prior", detail)
        else:
            yield Study(tuple(images.values()), study_id, before)


def _prior(folder: Path, told: Collection[tuple[str, ...]]) -> GivenPrior | None:
    """Return the study before.

    Raises:
        ValueError: If its rows name several, or no image, or no possible interval.
    """
    if not told:
        return None
    if len(told) > 1:
        raise ValueError(f"Its rows name {len(told)} studies before it; a study has one.")
    ((images, days, report),) = told
    places = [place.strip() for place in images.split(";") if place.strip()]
    if not places:
        raise ValueError(f"{PRIOR[1]} or {PRIOR[2]} is filled, and {PRIOR[0]} names no image.")
    return GivenPrior(tuple(GivenImage(folder / one) for one in places), days_since_prior(days), report)


def _text(given: Any) -> str:
    return "" if pd.isna(given) else str(given).strip()


def _view(given: Any) -> Literal["frontal", "lateral"] | None:
    found = None if pd.isna(given) else VIEWS.get(" ".join(str(given).upper().split()))
    if found is None:
        return None
    return "lateral" if found == "lateral" else "frontal"
