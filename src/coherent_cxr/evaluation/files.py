"""Judging reports from files, whoever's model wrote them."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.headline import summarise
from coherent_cxr.evaluation.page import Background, Judged, results_page
from coherent_cxr.evaluation.scoring import comparisons_table, metrics_table, score_systems
from coherent_cxr.evaluation.systems import References, label_reports, outputs_of
from coherent_cxr.inputs.layout import as_prose
from coherent_cxr.reports.text import metric_text, tokenize_findings
from coherent_cxr.rewards.labels import label_codes

ID_COLUMNS = ("study_id", "id", "image_id", "uid")
TEXT_COLUMNS = ("report", "findings", "text", "generated", "reference")


class ReportTableError(ValueError):
    """A file of reports that cannot be used; the message names the file and what is wrong with it."""


class FileEvaluation(NamedTuple):
    """All metrics, all paired differences, the headline and the page."""

    metrics: pd.DataFrame
    comparisons: pd.DataFrame
    summary: dict[str, dict[str, float | None]]
    page: str


def read_report_table(
    path: Path, id_column: str | None = None, text_column: str | None = None
) -> pd.DataFrame:
    """Read a CSV file of reports with a header.

    Args:
        path: The file, in UTF-8.
        id_column: Column that names the study; None takes the first of :data:`ID_COLUMNS` that is there.
        text_column: Column with the report; None takes the first of :data:`TEXT_COLUMNS`.

    Returns:
        ``study_id``, ``report`` (missing ones empty) and, if the file has it, ``patient_id``; all text.

    Raises:
        ReportTableError: If the file cannot be read, lacks a column, has no row, or names a study twice.
    """
    try:
        table = pd.read_csv(
            path, dtype=str, keep_default_na=False, encoding="utf-8-sig", quoting=csv.QUOTE_MINIMAL
        )
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ReportTableError(f"'{path}' cannot be read as a CSV file: {error}.") from error
    names = {
        "study_id": _column(path, table, id_column, ID_COLUMNS, "the study"),
        "report": _column(path, table, text_column, TEXT_COLUMNS, "the report"),
    }
    if table.empty:
        raise ReportTableError(f"'{path}' has a header but no report.")
    chosen = pd.DataFrame({new: table[old] for new, old in names.items()})
    if "patient_id" in table:
        chosen["patient_id"] = table["patient_id"]
    if chosen["study_id"].duplicated().any():
        twice = chosen.loc[chosen["study_id"].duplicated(), "study_id"].iloc[0]
        raise ReportTableError(f"'{path}' has more than one row for study '{twice}'.")
    return chosen


def evaluate_tables(
    config: EvaluationConfig,
    labeler: CheXpertLabeler,
    generated: Mapping[str, pd.DataFrame],
    references: pd.DataFrame,
) -> FileEvaluation:
    """Judge reports against references.

    Args:
        config: Settings of the evaluation.
        labeler: Labels both sides.
        generated: By system, ``study_id`` and ``report``.
        references: ``study_id``, ``report``, and ``patient_id`` if known; without it every study counts as a
            patient of its own.

    Raises:
        UnequalStudiesError: If a system did not answer for exactly the studies of the references.
    """
    # the rule set "original" joins lines: a report with one finding a line must count as the same in prose
    references, *tables = (
        table.assign(report=table["report"].map(as_prose)) for table in (references, *generated.values())
    )
    generated = dict(zip(generated, tables, strict=True))
    studies = references["study_id"].tolist()
    with_patients = "patient_id" in references
    truth = References(
        studies,
        references["patient_id"].tolist() if with_patients else studies,
        [metric_text(tokenize_findings(text).tokens) for text in references["report"]],
        label_codes(labeler.label_many(references["report"]), OBSERVATIONS),
    )
    reports = pd.concat([table.assign(system=name) for name, table in generated.items()], ignore_index=True)
    tokens = [tokenize_findings(text).tokens for text in reports["report"]]
    reports = reports.assign(tokens=pd.Series(tokens, index=reports.index))
    labels = label_reports(labeler, reports)
    scores = score_systems(config, outputs_of(reports, labels, truth), truth)
    metrics, comparisons = metrics_table(scores), comparisons_table(scores)
    texts = dict(zip(studies, references["report"], strict=True))
    notices = () if with_patients else ("No patient ids were given: every study counts as a patient.",)
    judged = Judged.of(
        config,
        labeler,
        metrics,
        comparisons,
        reports,
        labels,
        truth,
        texts,
        title="Generated reports against references",
        notices=notices,
    )
    page = results_page(judged, Background(main_system=next(iter(generated))))
    return FileEvaluation(metrics, comparisons, summarise(scores, config.uncertain), page)


def _column(path: Path, table: pd.DataFrame, asked: str | None, usual: tuple[str, ...], what: str) -> str:
    wanted = (asked,) if asked else usual
    for name in wanted:
        if name in table.columns:
            return name
    raise ReportTableError(
        f"'{path}' has no column for {what} (looked for {', '.join(wanted)}); its columns are "
        f"{', '.join(map(str, table.columns))}. Name the column with an option."
    )
