"""The quality of what somebody imports, in numbers, before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from coherent_cxr.corpora.quality import counts
from coherent_cxr.corpora.quality.languages import languages
from coherent_cxr.inputs.split_names import ALIASES

SECTIONS = ("comparison", "indication", "technique", "findings", "impression")


def found(
    studies: pd.DataFrame, images: pd.DataFrame, rows: int, files: int | None, bad_dates: int
) -> pd.DataFrame:
    """Count what there is, and what is missing of it.

    Args:
        studies: study_id, patient_id, sections, study_date.
        images: image_id, study_id.
        rows: Of the table.
        files: Image files in the folder; None without a folder.
        bad_dates: Cells of the date's column that are no dates.
    """
    with_image = studies["study_id"].isin(images["study_id"])
    no_text = studies[["findings", "impression"]].isna().all(axis=1)
    told = [
        ("rows of the table", rows),
        ("studies", len(studies)),
        ("patients", studies["patient_id"].nunique()),
        ("images of a study", len(images)),
        ("image files that no row names", 0 if files is None else files - len(images)),
        ("studies without an image", int((~with_image).sum())),
        ("studies without findings", int(studies["findings"].isna().sum())),
        ("studies with neither findings nor impression", int(no_text.sum())),
        ("studies without a date", int(studies["study_date"].isna().sum())),
        ("cells that are no date as told", bad_dates),
    ]
    return pd.DataFrame(told, columns=["what", "count"])


def shared(
    studies: pd.DataFrame, images: pd.DataFrame, splits: pd.DataFrame | None, digests: Mapping[str, str]
) -> pd.DataFrame:
    """Count what different patients share, and patients in two splits, in the form of :func:`.counts.leaks`.

    Args:
        studies: study_id, patient_id, findings, impression.
        images: image_id, study_id.
        splits: study_id, split as the table gives them, or None.
        digests: Digest of the file's bytes by image_id, of images that may be equal.
    """
    patient = studies.set_index("study_id")["patient_id"]
    texts = studies.assign(thing=studies["findings"].fillna("") + "\n" + studies["impression"].fillna(""))
    texts = texts[texts["thing"].str.strip() != ""]
    files = images.assign(thing=images["image_id"].map(dict(digests))).dropna(subset="thing")
    files = files.assign(patient_id=files["study_id"].map(patient))
    told = [
        _row("image", "different patients", files, "patient_id", "leak"),
        _row("text", "different patients", texts, "patient_id", "shared"),
    ]
    if splits is not None:
        known = splits.assign(thing=splits["study_id"].map(patient))
        known["split"] = known["split"].str.strip().str.lower().replace(ALIASES)
        told.append(_row("patient", "different splits of the table", known, "split", "leak"))
    columns = ["check", "splits", "shared", "studies touched", "verdict"]
    return pd.DataFrame(told, columns=columns)


def describe(
    found_counts: pd.DataFrame,
    exclusions: pd.DataFrame,
    leaks: pd.DataFrame,
    studies: pd.DataFrame,
    images: pd.DataFrame,
    findings: pd.DataFrame,
    labels: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Return the tables of the page by heading, in its order.

    Args:
        found_counts: As :func:`found` gives it.
        exclusions: id, reason, detail.
        leaks: As :func:`shared` gives it.
        studies: study_id, patient_id, sections.
        images: image_id, study_id, view, view_source.
        findings: study_id, text, tokens: of the studies whose findings can be learnt.
        labels: study_id and one column per label.
    """
    return {
        "What is there": found_counts,
        "What was left out": counts.stage_counts("import", len(images), exclusions),
        "What different patients share": leaks,
        "Sections": counts.section_coverage(studies[["study_id", *SECTIONS]]),
        "Languages": languages(findings["text"]),
        "Views, as the table gives them": counts.view_counts(images),
        "Findings": counts.text_distributions(findings),
        "Repeated findings": counts.repeated_texts(findings),
        "Labels": counts.label_prevalence(labels),
    }


def _row(check: str, who: str, table: pd.DataFrame, by: str, verdict: str) -> tuple[str, str, int, int, str]:
    groups = table.groupby("thing")[by].nunique()
    things = set(groups[groups > 1].index)
    touched = table.loc[table["thing"].isin(things), "study_id"].nunique()
    return check, who, len(things), int(touched), verdict if things else "none"
