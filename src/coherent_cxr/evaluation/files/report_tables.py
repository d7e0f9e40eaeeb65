"""Files of reports as one row per study, with a notice of everything left out or changed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from coherent_cxr.evaluation.files.report_columns import (
    PATIENT_COLUMNS,
    VIEW_COLUMNS,
    Side,
    id_column,
    optional_column,
    text_column,
)
from coherent_cxr.inputs.quoting import quote
from coherent_cxr.inputs.split_names import ALIASES
from coherent_cxr.inputs.tables.null_words import is_null
from coherent_cxr.inputs.tables.reading import TableError, load_table
from coherent_cxr.inputs.tables.study_ids import clean_ids, rounded
from coherent_cxr.reports.text import has_words

FRONTAL = frozenset({"frontal", "pa", "ap", "ap axial", "ap_axial"})
_FINDINGS = re.compile(r"\s*findings\s*:(?P<findings>.*?)(?:\bimpression\s*:.*)?", re.IGNORECASE | re.DOTALL)


class Columns(NamedTuple):
    """Names of columns that the user gave; None finds them by their usual names.

    Attributes:
        study: Column that names the study.
        text: Column with the report.
        patient: Column that names the patient.
        study_option: The option behind ``study``, for messages.
    """

    study: str | None = None
    text: str | None = None
    patient: str | None = None
    study_option: str = "--id-column"


class ReportTable(NamedTuple):
    """One side's reports.

    Attributes:
        path: The file.
        column: The column that they were read from.
        rows: ``study_id`` (unique), ``report`` (missing where there is none), and where the file has them
            ``patient_id`` and ``split``.
        notices: What was done on the way, in sentences.
        excluded: Rows that were left out: id, reason, detail.
    """

    path: Path
    column: str
    rows: pd.DataFrame
    notices: tuple[str, ...] = ()
    excluded: tuple[tuple[str, str, str], ...] = ()


def read_report_table(
    path: Path, side: Side, columns: Columns | None = None, *, private: bool = False
) -> ReportTable:
    """Read one side's reports.

    Args:
        path: CSV, TSV, JSON, JSON Lines or Parquet; R2Gen's annotation.json and ReXrank's files too.
        side: Whose reports.
        columns: What the user named.
        private: Whether messages must not repeat anything from the file.

    Returns:
        One row per study. Of several rows of a study (one per image) with one text the first is kept; with
        different texts the first frontal one, where the file says the view.

    Raises:
        TableError: If the file cannot be read, lacks a column, has no report, or has several reports for a
            study and does not say which image is frontal.
    """
    columns = columns or Columns()
    table = load_table(path, private=private)
    study = id_column(path, table, columns.study, columns.study_option, private)
    text = text_column(path, table, side, columns.text, private)
    rows = pd.DataFrame({"study_id": clean_ids(table.rows[study]), "report": table.rows[text]})
    if columns.patient is not None and columns.patient not in table.rows:
        raise TableError(f"'{path}' has no column '{columns.patient}' for the patient (--patient-column).")
    optional: dict[str, tuple[str | None, Callable[[pd.Series], pd.Series]]] = {
        "patient_id": (columns.patient or optional_column(table, PATIENT_COLUMNS), clean_ids),
        "split": (optional_column(table, ("split",)), _clean_splits),
        "view": (optional_column(table, VIEW_COLUMNS), _lower),
    }
    for name, (column, clean) in optional.items():
        if column is not None:
            rows[name] = clean(table.rows[column])
    excluded = [
        (f"row {row + 2}", "no_study_id", f"A row of the {side.name} reports names no study.")
        for row in rows.index[rows["study_id"].isna()]
    ]
    rows, notices = _one_per_study(path, rows.dropna(subset="study_id"), side)
    if not len(table.rows):
        raise TableError(f"'{path}' has a header but no report.")
    if rows["report"].isna().all():
        raise TableError(f"'{path}' has no report in its column for the {side.name} reports.")
    rows, cut = _findings_only(rows, side)
    if excluded:
        notices.append(f"{len(excluded)} rows of the {side.name} reports name no study and were left out.")
    return ReportTable(path, text, _without_words(rows), (*notices, *cut), tuple(excluded))


def _one_per_study(path: Path, rows: pd.DataFrame, side: Side) -> tuple[pd.DataFrame, list[str]]:
    answered = set(rows.loc[rows["report"].notna(), "study_id"])
    rows = rows[rows["report"].notna() | ~rows["study_id"].isin(answered)]
    if rows["study_id"].is_unique:
        return rows.drop(columns="view", errors="ignore").reset_index(drop=True), []
    repeated = rows[rows["study_id"].duplicated(keep=False)]
    texts = repeated.groupby("study_id")["report"].nunique(dropna=False)
    several = texts.index[texts > 1]
    notices = []
    if len(texts) > len(several):
        notices.append(
            f"{len(texts) - len(several)} studies have several rows with the same {side.name} report; it "
            "counts once."
        )
    if len(several):
        frontal = repeated[repeated["view"].isin(FRONTAL)] if "view" in repeated else repeated[:0]
        undecided = [study for study in several if study not in set(frontal["study_id"])]
        if undecided:
            why = "none of them is frontal" if "view" in repeated else "the file names no view of its images"
            raise TableError(
                f"'{path}' has more than one row for study {quote(undecided[0])}, with different {side.name} "
                f"reports, and {why} (column view). " + (rounded(undecided[0]) or "Keep one row per study.")
            )
        notices.append(
            f"{len(several)} studies have several rows with different {side.name} reports, one per image; "
            "the report of the first frontal image was taken."
        )
        not_chosen = rows["study_id"].isin(several) & ~rows.index.isin(
            frontal.drop_duplicates("study_id").index
        )
        rows = rows[~not_chosen]
    once = rows.drop_duplicates("study_id")
    return once.drop(columns="view", errors="ignore").reset_index(drop=True), notices


def _findings_only(rows: pd.DataFrame, side: Side) -> tuple[pd.DataFrame, list[str]]:
    """Keep only the text under "Findings:" in reports that include their headings, as ReXrank's do."""
    found = [_FINDINGS.fullmatch(text) if isinstance(text, str) else None for text in rows["report"]]
    count = sum(match is not None for match in found)
    if not count:
        return rows, []
    findings = [m["findings"].strip() if m else text for m, text in zip(found, rows["report"], strict=True)]
    notice = f"Of {count} {side.name} reports only what stands under their heading “Findings:” was taken."
    return rows.assign(report=pd.Series(findings, index=rows.index, dtype="str")), [notice]


def _without_words(rows: pd.DataFrame) -> pd.DataFrame:
    """Make reports that hold no word missing."""
    wordless = [is_null(text) or not has_words(str(text)) for text in rows["report"]]
    return rows.assign(report=rows["report"].mask(pd.Series(wordless, index=rows.index)))


def _clean_splits(splits: pd.Series) -> pd.Series:
    return _lower(splits).replace(ALIASES)


def _lower(values: pd.Series) -> pd.Series:
    return values.str.strip().str.lower()
