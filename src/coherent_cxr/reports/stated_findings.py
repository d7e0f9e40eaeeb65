"""What the single sentences of reports affirm, and how rare it is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

NO_FINDING = "No Finding"


class StatedFindings(NamedTuple):
    """What each sentence affirms.

    Attributes:
        observations: Names of the observations, without "No Finding".
        affirmed: Whether a sentence affirms an observation ``(sentences, observations)``.
        normal: Whether the labels call a sentence normal ``(sentences,)``.
        occurrences: Training sentences that affirm each observation ``(observations,)``.
        rarest: The least of a sentence's observations' occurrences, infinite where it affirms none
            ``(sentences,)``.
    """

    observations: list[str]
    affirmed: NDArray[np.bool_]
    normal: NDArray[np.bool_]
    occurrences: NDArray[np.int64]
    rarest: NDArray[np.float64]


def stated_findings(sentence_labels: pd.DataFrame, training: set[str]) -> StatedFindings:
    """Read the labels of sentences.

    Args:
        sentence_labels: study_id, sentence (index in the report) and the observations (1, 0, -1, missing) of
            every single sentence.
        training: Studies of the training split, on which rarity is counted.

    Raises:
        KeyError: If the labels know no "No Finding".
    """
    observations = sentence_labels.columns.drop(["study_id", "sentence", NO_FINDING])
    positive = (sentence_labels == 1).fillna(value=False)
    affirmed = positive[observations].to_numpy(dtype=bool)
    occurrences = affirmed[sentence_labels["study_id"].isin(training).to_numpy()].sum(axis=0)
    rarest = np.where(affirmed, occurrences, np.inf).min(axis=1, initial=np.inf)
    normal = positive[NO_FINDING].to_numpy(dtype=bool)
    return StatedFindings(list(observations), affirmed, normal, occurrences, rarest)
