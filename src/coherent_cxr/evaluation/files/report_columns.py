"""Which column of a file holds what, by its name or by the user's word; never by a guess."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from coherent_cxr.inputs.quoting import listed
from coherent_cxr.inputs.tables.reading import Table, TableError, describe

ID_COLUMNS: Final = ("study_id", "study", "case_id", "id", "uid", "accession", "image_id", "dicom_id")
PATIENT_COLUMNS: Final = ("patient_id", "patient", "subject_id", "subject")
VIEW_COLUMNS: Final = ("view", "view_position", "viewposition", "projection")
TEXT_COLUMNS: Final = ("report", "findings", "text", "caption")
"""Names that either side may use for the report, in the plural too."""
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_TEXT = rf"(?:{'|'.join(TEXT_COLUMNS)}|impression)s?"


class Side(NamedTuple):
    """One side of the comparison.

    Attributes:
        name: In words.
        option: The command's option that names its column.
        words: Names of columns that can only be this side's reports, also in the plural and beside a name of
            :data:`TEXT_COLUMNS` ("generated_findings", "report_pred"), or behind "model" ("model_prediction"
            and "section_findings" are ReXrank's).
    """

    name: str
    option: str
    words: tuple[str, ...]


GENERATED: Final = Side(
    "generated",
    "--generated-column",
    (
        *(
            "generated",
            "generation",
            "gen",
            "prediction",
            "predicted",
            "pred",
            "hypothesis",
            "hyp",
            "candidate",
        ),
        *("output", "response", "decoded"),
    ),
)
REFERENCE: Final = Side(
    "reference",
    "--reference-column",
    (
        *("reference", "ref", "ground_truth", "groundtruth", "gt", "gold", "target", "truth", "true"),
        *("original", "actual", "section_findings"),
    ),
)


def text_column(path: Path, table: Table, side: Side, requested: str | None, private: bool) -> str:
    """Return the column that holds one side's reports.

    Args:
        path: The file, for messages.
        table: What it holds.
        side: Whose reports are looked for.
        requested: The column that the user named.
        private: Whether messages must not name columns of the file.

    Raises:
        TableError: If there is none, more than one that could be meant, or it holds no texts.
    """
    what = f"the {side.name} reports"
    if requested:
        return _named(path, table, requested, what, side.option, private)
    found = _matching(table, rf"(?:(?:model|y|{_TEXT})_)?(?:{'|'.join(side.words)})s?(?:_{_TEXT})?")
    found = found or _matching(table, rf"(?:{'|'.join(TEXT_COLUMNS)})s?")
    if len(found) > 1:
        raise TableError(
            f"'{path}' has {len(found)} columns that could hold {what} ({listed(found)}); say which with "
            f"{side.option}."
        )
    if not found:
        raise TableError(
            f"'{path}' has no column for {what} (looked for {', '.join((*side.words, *TEXT_COLUMNS))}); "
            f"{describe(table, private=private)}. Name it with {side.option}."
        )
    return _of_texts(path, table, found[0])


def id_column(path: Path, table: Table, requested: str | None, option: str, private: bool) -> str:
    """Return the column that names the study; of several the one that stands first in :data:`ID_COLUMNS`.

    Raises:
        TableError: If there is none.
    """
    if requested:
        return _named(path, table, requested, "the study", option, private)
    for name in ID_COLUMNS:
        if found := _with_names(table, (name,)):
            return _of_texts(path, table, found[0])
    raise TableError(
        f"'{path}' has no column for the study (looked for {', '.join(ID_COLUMNS)}); "
        f"{describe(table, private=private)}. Name it with {option}."
    )


def optional_column(table: Table, usual: Sequence[str]) -> str | None:
    """Return the first column with one of the usual names that holds single values, or None."""
    found = [name for name in _with_names(table, usual) if name not in table.nested]
    return found[0] if found else None


def _with_names(table: Table, names: Sequence[str]) -> list[str]:
    """Return columns with one of these names, in the names' order; case and signs make no difference."""
    return [column for expected in names for column in _matching(table, re.escape(expected))]


def _matching(table: Table, pattern: str) -> list[str]:
    """Return columns whose names match; case and signs make no difference, nor do capitals inside a name."""
    found = re.compile(pattern).fullmatch
    return [name for name in table.columns if found(_plain(name)) or found(_plain(_HUMP.sub("_", name)))]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.strip().lower()).strip("_")


def _named(path: Path, table: Table, requested: str, what: str, option: str, private: bool) -> str:
    if requested not in table.columns:
        raise TableError(
            f"'{path}' has no column '{requested}' for {what}; {describe(table, private=private)}. "
            f"Correct {option}."
        )
    return _of_texts(path, table, requested)


def _of_texts(path: Path, table: Table, column: str) -> str:
    if column in table.nested:
        raise TableError(
            f"The column '{column}' of '{path}' holds lists, objects or bytes; single texts are needed."
        )
    return column
