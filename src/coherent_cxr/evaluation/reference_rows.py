"""Reference rows of every table that use no image, to put the other numbers into proportion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.shown import shown_labeler
from coherent_cxr.reports.text import tokenize_findings

NORMAL, RANDOM, AFFIRM_ALL = "normal report", "random training report", "affirm all"
REFERENCE_ROWS: Final = {
    NORMAL: "one normal report for every study",
    RANDOM: "for each study the report of a random training study",
    AFFIRM_ALL: "labels alone: all findings present in every study",
}
"""The rows and what they are."""


def reference_reports(study_ids: Sequence[str], training: Sequence[str], seed: int) -> pd.DataFrame:
    """Return the rows that have a text.

    Args:
        study_ids: The test studies.
        training: Reports of the training split as written; without any there is no random training report.
        seed: Seed of the sampling.

    Returns:
        ``system``, ``study_id``, ``tokens``, ``report``, as generated reports have them.
    """
    texts = {NORMAL: [shown_labeler().language.normal_report] * len(study_ids)}
    if len(training):
        drawn = np.random.default_rng(seed).integers(0, len(training), len(study_ids))
        texts[RANDOM] = [training[row] for row in drawn]
    tables = [
        pd.DataFrame(
            {
                "system": name,
                "study_id": list(study_ids),
                "tokens": [tokenize_findings(text).tokens for text in own],
                "report": own,
            }
        )
        for name, own in texts.items()
    ]
    return pd.concat(tables, ignore_index=True)


def reference_labels(study_ids: Sequence[str]) -> pd.DataFrame:
    """Return the row that has labels alone.

    Returns:
        ``system``, ``study_id`` and the 14 observations (Int8), as generated labels have them.
    """
    labels = pd.DataFrame({"system": AFFIRM_ALL, "study_id": list(study_ids)})
    for name in OBSERVATIONS:
        labels[name] = pd.Series(int(name != "No Finding"), index=labels.index, dtype="Int8")
    return labels
