"""A corpus in numbers: what was left out and why, what is in it, and what its splits share. Never a text."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coherent_cxr.inputs.split_names import SPLITS

QUANTILES = {"fewest": 0.0, "5 %": 0.05, "median": 0.5, "95 %": 0.95, "most": 1.0}


def stage_counts(stage: str, kept: int, exclusions: pd.DataFrame) -> pd.DataFrame:
    """Count what a stage kept and what it left out.

    Args:
        stage: Its name.
        kept: Rows it gave out.
        exclusions: id, reason, detail of the others.

    Returns:
        stage, outcome ("kept", or a reason), count; the reasons by falling count.
    """
    reasons = exclusions["reason"].value_counts()
    rows = [(stage, "kept", kept), *((stage, str(reason), int(n)) for reason, n in reasons.items())]
    return pd.DataFrame(rows, columns=["stage", "outcome", "count"])


def section_coverage(studies: pd.DataFrame) -> pd.DataFrame:
    """Count the studies that have each section, and its mean length in words."""
    none = ("study_id", "patient_id", "findings_source", "study_date", "study_time")
    names = [name for name in studies.columns if name not in none]
    rows = []
    for name in names:
        lengths = [len(str(text).split()) for text in studies[name].dropna() if str(text).strip()]
        mean = float(np.mean(lengths)) if lengths else 0.0
        rows.append((name, len(lengths), len(lengths) / max(1, len(studies)), mean))
    return pd.DataFrame(rows, columns=["section", "studies", "share", "mean words"])


def view_counts(images: pd.DataFrame) -> pd.DataFrame:
    """Count images by view and by what decided the view."""
    by = [name for name in ("view", "view_source") if name in images]
    return images.groupby(by).size().rename("images").reset_index()


def view_findings(report: Mapping[str, Any]) -> pd.DataFrame:
    """Say how views were found out, from the report of the stage ``image_preparation``."""
    accuracy = report.get("accuracy")
    rows = [
        ("not given by the corpus", f"{report.get('open', 0):,} images"),
        ("read from DICOM tags", f"{report.get('from_dicom', 0):,} images"),
        ("decided by the classifier", f"{report.get('classified', 0):,} images"),
        (
            "accuracy of the classifier on known views, cross-validated",
            "not trained" if accuracy is None else f"{100 * accuracy:.1f} %",
        ),
    ]
    return pd.DataFrame(rows, columns=["views", "found"])


def text_distributions(findings: pd.DataFrame) -> pd.DataFrame:
    """Describe lengths of reports and sentences, and the vocabulary.

    Args:
        findings: study_id, tokens (lists of words per sentence).

    Returns:
        One row per quantity: its quantiles and mean.
    """
    sentences = np.array([len(report) for report in findings["tokens"]])
    words = np.array([sum(len(s) for s in report) for report in findings["tokens"]])
    each = np.array([len(s) for report in findings["tokens"] for s in report])
    counts = Counter(word for report in findings["tokens"] for sentence in report for word in sentence)
    uses = np.array(sorted(counts.values())) if counts else np.zeros(1)
    rows = []
    for name, numbers in (
        ("sentences of a report", sentences),
        ("words of a report", words),
        ("words of a sentence", each),
        (f"uses of a word ({len(counts):,} words, {(uses >= 3).sum():,} with 3 or more)", uses),
    ):
        numbers = numbers if len(numbers) else np.zeros(1)
        row = {"quantity": name, **{key: float(np.quantile(numbers, q)) for key, q in QUANTILES.items()}}
        rows.append({**row, "mean": float(numbers.mean())})
    return pd.DataFrame(rows)


def repeated_texts(findings: pd.DataFrame) -> pd.DataFrame:
    """Count findings sections that are the same word for word.

    Args:
        findings: study_id, tokens.

    Returns:
        Distinct texts and how many studies they stand for: in all, unique, repeated, and the five commonest.
    """
    counts = sorted(Counter(map(_text_hash, findings["tokens"])).values(), reverse=True)
    repeated = [count for count in counts if count > 1]
    rows = [
        ("all", len(counts), sum(counts)),
        ("in one study only", len(counts) - len(repeated), len(counts) - len(repeated)),
        ("in several studies", len(repeated), sum(repeated)),
        *((f"commonest, no. {rank + 1}", 1, count) for rank, count in enumerate(repeated[:5])),
    ]
    return pd.DataFrame(rows, columns=["texts", "distinct", "studies"])


def label_prevalence(labels: pd.DataFrame) -> pd.DataFrame:
    """Count each label's positive, negative, uncertain and absent studies."""
    rows = []
    for name in labels.columns.drop("study_id"):
        column = labels[name]
        counts = {
            status: int((column == code).sum())
            for status, code in (("positive", 1), ("negative", 0), ("uncertain", -1))
        }
        share = counts["positive"] / max(1, len(labels))
        rows.append((name, *counts.values(), int(column.isna().sum()), share))
    columns = ["label", "positive", "negative", "uncertain", "absent", "share positive"]
    return pd.DataFrame(rows, columns=columns)


def leaks(
    splits: pd.DataFrame, findings: pd.DataFrame, pixels: NDArray[np.uint8], index: pd.DataFrame
) -> pd.DataFrame:
    """Count patients, images and texts that two splits share.

    Args:
        splits: study_id, patient_id, split.
        findings: study_id, tokens.
        pixels: Grey levels (images, size, size).
        index: row (position in ``pixels``) and study_id.

    Returns:
        One row per check and pair of splits: how many things they share, how many studies of the later split
        are touched, and a verdict. A shared patient or image is a leak. A shared text is not, since normal
        reports repeat themselves, but it flatters language scores.
    """
    split_of: Mapping[str, str] = dict(zip(splits["study_id"], splits["split"], strict=True))
    images = index[index["study_id"].isin(list(split_of))]
    hashes = [hashlib.sha256(pixels[row].tobytes()).hexdigest() for row in images["row"]]
    texts = findings[findings["study_id"].isin(list(split_of))]
    things = {
        "patient": splits[["study_id"]].assign(thing=splits["patient_id"]),
        "image": images[["study_id"]].assign(thing=hashes),
        "text of the findings": texts[["study_id"]].assign(thing=texts["tokens"].map(_text_hash)),
    }
    rows = []
    for check, table in things.items():
        split = table["study_id"].map(split_of)
        for first, second in combinations(SPLITS, 2):
            shared = set(table.loc[split == first, "thing"]) & set(table.loc[split == second, "thing"])
            touched = table.loc[(split == second) & table["thing"].isin(shared), "study_id"].nunique()
            verdict = "none" if not shared else "leak" if check != "text of the findings" else "shared"
            rows.append((check, f"{first} and {second}", len(shared), touched, verdict))
    columns = ["check", "splits", "shared", "studies touched", "verdict"]
    return pd.DataFrame(rows, columns=columns)


def _text_hash(tokens: object) -> str:
    words = "\n".join(" ".join(sentence) for sentence in tokens)  # type: ignore[attr-defined]  # lists or arrays
    return hashlib.sha256(words.encode()).hexdigest()
