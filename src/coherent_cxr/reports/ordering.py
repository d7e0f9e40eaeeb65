"""The order in which a report's sentences are learnt.

Radiologists mention findings anywhere between normal sentences. So at every position a normal sentence is the
likeliest, and greedy decoding never affirms a finding. Placed first, findings have a position of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd

from coherent_cxr.reports.affirmed_findings import affirmed_findings

SentenceOrder = Literal["findings_first", "as_written"]


def findings_first(sentence_labels: pd.DataFrame, occurrences: Mapping[str, int]) -> dict[str, list[int]]:
    """Order each study's sentences: affirmed findings, uncertain and other ones, normal ones.

    Of affirmed findings, the observation that is rarest in the training split comes first; otherwise
    sentences stay in the report's order.

    Args:
        sentence_labels: study_id, sentence (index in the report) and the observations (1, 0, -1, missing) of
            every single sentence.
        occurrences: Training sentences that affirm each observation, by which rarity is judged.

    Returns:
        Indices of each study's sentences in their new order.

    Raises:
        KeyError: If the labels know no "No Finding".
    """
    affirmed = affirmed_findings(sentence_labels, occurrences)
    group = np.select([affirmed.affirmed.any(axis=1), ~affirmed.normal], [0, 1], 2)
    ordered = sentence_labels[["study_id", "sentence"]].assign(group=group, rarest=affirmed.rarest)
    ordered = ordered.sort_values(["group", "rarest", "sentence"], kind="stable")
    return {str(study): list(rows) for study, rows in ordered.groupby("study_id", sort=False)["sentence"]}
