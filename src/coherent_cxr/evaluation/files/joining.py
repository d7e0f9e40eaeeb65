"""Both sides' reports brought to the same studies; with a notice of everything left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from coherent_cxr.evaluation.files.report_tables import ReportTable
from coherent_cxr.evaluation.systems import UnequalStudiesError, check_studies
from coherent_cxr.inputs.quoting import listed
from coherent_cxr.inputs.tables.reading import TableError
from coherent_cxr.inputs.tables.study_ids import likely_cause, match_ids


class Joined(NamedTuple):
    """Reports of the same studies.

    Attributes:
        references: ``study_id``, ``patient_id``, ``report``; no cell is missing.
        generated: By system ``study_id`` and ``report`` for the same studies, in the same order.
        training: Reports of the training split, where the references' file holds them.
        notices: What was done on the way, in sentences.
        exclusions: What was left out: ``id``, ``reason``, ``detail``.
    """

    references: pd.DataFrame
    generated: dict[str, pd.DataFrame]
    training: list[str]
    notices: list[str]
    exclusions: pd.DataFrame


def join(generated: Mapping[str, ReportTable], references: ReportTable, split: str | None = None) -> Joined:
    """Bring systems and references to the same studies.

    A study without a reference, or without a report of any one system, is left out for all, so that every
    system is judged on the same studies.

    Args:
        generated: Reports by system.
        references: The references; a column ``split`` says which belong to the test split.
        split: Split to judge on; None takes "test" where the references have several splits.

    Raises:
        TableError: If a side is compared with itself, the split is not there, or no study is left.
        UnequalStudiesError: If a system did not answer for exactly the studies of the references.
    """
    notices = list(references.notices)
    excluded = [*references.excluded]
    for name, table in generated.items():
        _refuse_the_same_column(name, table, references)
        notices += [f"System '{name}': {notices_here}" for notices_here in table.notices]
        excluded += table.excluded
    training = _of_split(references.rows, "train")
    truth, notices_here = _chosen_split(references, split)
    notices += notices_here
    systems: dict[str, pd.DataFrame] = {}
    for name, table in generated.items():
        systems[name], notices_here = _same_spelling(name, _chosen_split(table, split)[0], truth)
        notices += notices_here
    kept, left_out = _with_texts(truth, systems)
    excluded += left_out
    notices += _counts(left_out, len(truth))
    if not len(kept):
        raise TableError("No study is left that has a reference and a report of every system.")
    kept, notices_here = _patients(kept)
    notices += notices_here
    chosen = {
        name: own.set_index("study_id").loc[kept["study_id"]].reset_index() for name, own in systems.items()
    }
    notices += _sameness(kept, chosen)
    exclusions = pd.DataFrame(excluded, columns=["id", "reason", "detail"]).astype("str")
    return Joined(kept, chosen, [t for t in training if isinstance(t, str)], notices, exclusions)


def _refuse_the_same_column(name: str, table: ReportTable, references: ReportTable) -> None:
    if table.path.resolve() == references.path.resolve() and table.column == references.column:
        raise TableError(
            f"The system '{name}' and the references are the same column '{table.column}' of '{table.path}'; "
            "name each side's column with --generated-column and --reference-column."
        )


def _of_split(rows: pd.DataFrame, split: str) -> list[str]:
    return rows.loc[rows["split"] == split, "report"].tolist() if "split" in rows else []


def _chosen_split(table: ReportTable, split: str | None) -> tuple[pd.DataFrame, list[str]]:
    rows = table.rows
    splits = sorted(rows["split"].dropna().unique()) if "split" in rows else []
    if split is None and not (len(splits) > 1 and "test" in splits):
        return rows.drop(columns="split", errors="ignore"), []
    if not splits:
        return rows, []
    expected = split or "test"
    if expected not in splits:
        raise TableError(f"'{table.path}' has no split '{expected}'; it has {listed(splits)} (--split).")
    own = rows[rows["split"] == expected].drop(columns="split").reset_index(drop=True)
    return own, [
        f"'{table.path.name}' holds several splits; only its {len(own)} studies of '{expected}' are judged."
    ]


def _same_spelling(name: str, rows: pd.DataFrame, truth: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    given, expected = rows["study_id"].tolist(), truth["study_id"].tolist()
    match = match_ids(given, expected)
    in_truth = {match.plain(study): study for study in expected}
    ids = [in_truth.get(match.plain(study), study) for study in given]
    try:
        check_studies(name, ids, expected)
    except UnequalStudiesError as error:
        cause = likely_cause(given, expected)
        raise UnequalStudiesError(f"{error} {cause}".strip()) from error
    notices = [f"System '{name}': ids differ from the references' by {match.spelling}, taken for the same."]
    return rows.assign(
        study_id=pd.Series(ids, index=rows.index, dtype="str")
    ), notices if match.spelling else []


def _with_texts(
    truth: pd.DataFrame, systems: Mapping[str, pd.DataFrame]
) -> tuple[pd.DataFrame, list[tuple[str, str, str]]]:
    missing = {"": set(truth.loc[truth["report"].isna(), "study_id"])}
    missing |= {name: set(own.loc[own["report"].isna(), "study_id"]) for name, own in systems.items()}
    excluded = []
    for study in truth["study_id"]:
        if study in missing[""]:
            excluded.append((study, "no_reference", "The reference holds no text."))
        elif silent := [name for name in systems if study in missing[name]]:
            excluded.append((study, "no_generated_report", f"No text by {', '.join(silent)}."))
    left_out = {study for study, _, _ in excluded}
    return truth[~truth["study_id"].isin(left_out)].reset_index(drop=True), excluded


def _counts(excluded: list[tuple[str, str, str]], studies: int) -> list[str]:
    notices_here = []
    for reason, words in (
        ("no_reference", "have no reference"),
        ("no_generated_report", "lack a report of at least one system, which flatters that system"),
    ):
        count = sum(own == reason for _, own, _ in excluded)
        if count:
            notices_here.append(f"{count} of {studies} studies {words}; they were left out for all systems.")
    return notices_here


def _patients(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    if "patient_id" not in rows:
        notices_here = "No patient ids were given: every study counts as a patient."
        return rows.assign(patient_id=rows["study_id"]), [notices_here]
    unknown = rows["patient_id"].isna()
    # beside a real id no made-up one may be mistaken for it
    alone = ("\0" + rows["study_id"]).astype("str")
    rows = rows.assign(patient_id=rows["patient_id"].where(~unknown, alone))
    notices = []
    if unknown.any():
        notices.append(f"{int(unknown.sum())} studies name no patient; each counts as a patient of its own.")
    if rows["patient_id"].nunique() == 1 and len(rows) > 1:
        notices.append(
            "All studies are of one patient: intervals over patients have no width and say nothing."
        )
    return rows, notices


def _sameness(truth: pd.DataFrame, systems: Mapping[str, pd.DataFrame]) -> list[str]:
    references = truth["report"].tolist()
    texts = {name: own["report"].tolist() for name, own in systems.items()}
    notices, names = [], list(texts)
    for place, (name, own) in enumerate(texts.items()):
        if own == references:
            notices.append(
                f"ATTENTION: every report of '{name}' is its reference, word for word. Unless that is "
                "meant, the wrong column or file was read."
            )
        if len(own) > 1 and len(set(own)) == 1:
            notices.append(f"ATTENTION: '{name}' has the same report for every study.")
        notices += [
            f"ATTENTION: '{other}' and '{name}' have the same reports."
            for other in names[:place]
            if texts[other] == own
        ]
    return notices
