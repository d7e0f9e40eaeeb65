"""Tables of labels and of the mentions behind them, one study per row of the findings."""

from __future__ import annotations

import dataclasses

import pandas as pd

from coherent_cxr.chexpert.labeller import CheXpertLabeler, Mention
from coherent_cxr.configuration import configuration, require

MENTION_TYPES = {
    "sentence": "int64",
    "start": "int64",
    "end": "int64",
    "text": "str",
    "observation": "str",
    "status": "Int8",
    "rule": "str",
}


@configuration
class ChexpertLabellingConfig:
    """Settings of the labelling stage.

    Attributes:
        rules: "original", "corrected", or the path of a rule file.
        cache_size: Most sentences to remember.
    """

    rules: str = "original"
    cache_size: int = 65_536

    def check(self) -> None:
        """Refuse settings that cannot work."""
        require(bool(self.rules), "rules", self.rules, "original, corrected, or the path of a rule file")
        require(self.cache_size >= 0, "cache_size", self.cache_size, "0 (no cache) or a positive number")

    def labeler(self) -> CheXpertLabeler:
        """Return the labeller that these settings describe."""
        return CheXpertLabeler(self.rules, self.cache_size)


def label_table(labeler: CheXpertLabeler, findings: pd.DataFrame) -> pd.DataFrame:
    """Label a table of findings.

    Args:
        labeler: The labeller.
        findings: Columns study_id and text.

    Returns:
        study_id and the 14 observations (Int8: 1, 0, -1, <NA>), one row per row of ``findings``, in order.
    """
    labels = labeler.label_many(findings["text"].reset_index(drop=True))
    labels.insert(0, "study_id", findings["study_id"].to_numpy())
    return labels


def sentence_table(labeler: CheXpertLabeler, findings: pd.DataFrame) -> pd.DataFrame:
    """Label every sentence of a table of findings as if it were a report of its own.

    Args:
        labeler: The labeller.
        findings: Columns study_id and sentences (lists of text).

    Returns:
        study_id, sentence (index in the report) and the observations, as in :func:`label_table`.
    """
    one_by_one = findings[["study_id", "sentences"]].explode("sentences").dropna(subset="sentences")
    labels = labeler.label_many(one_by_one["sentences"].tolist())
    labels.insert(0, "study_id", one_by_one["study_id"].to_numpy())
    labels.insert(1, "sentence", one_by_one.groupby("study_id", sort=False).cumcount().to_numpy())
    return labels


def mention_table(labeler: CheXpertLabeler, findings: pd.DataFrame) -> pd.DataFrame:
    """List the mentions of a table of findings.

    Args:
        labeler: The labeller.
        findings: Columns study_id and text.

    Returns:
        study_id and the fields of :class:`Mention`; start and end are a span of the study's text.
    """
    names = [field.name for field in dataclasses.fields(Mention)]
    rows = [
        (study_id, *(getattr(mention, name) for name in names))
        for study_id, text in zip(findings["study_id"], findings["text"], strict=True)
        for mention in labeler.explain(text)
    ]
    table = pd.DataFrame(rows, columns=["study_id", *names])
    return table.astype({"study_id": "str", **MENTION_TYPES})
