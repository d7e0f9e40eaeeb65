"""Findings that single sentences affirm, and how rare they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Set
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


def count_affirmed(pieces: Iterable[pd.DataFrame], training: Set[str]) -> dict[str, int]:
    """Count the sentences of the training split that affirm each observation.

    Args:
        pieces: The labels of sentences (see :func:`affirmed_findings`), whole or in pieces.
        training: Studies of the training split.

    Returns:
        Sentences by observation, without "No Finding", in the order of the columns.

    Raises:
        KeyError: If the labels know no "No Finding".
    """
    occurrences: Counter[str] = Counter()
    for labels in pieces:
        of_training = labels[[study in training for study in labels["study_id"]]]
        observations = labels.columns.drop(["study_id", "sentence", NO_FINDING])
        affirmed = (of_training[observations] == 1).sum()
        occurrences.update({str(name): int(count) for name, count in affirmed.items()})
    return dict(occurrences)


def affirmed_findings(sentence_labels: pd.DataFrame, occurrences: Mapping[str, int]) -> StatedFindings:
    """Read the labels of sentences.

    Args:
        sentence_labels: study_id, sentence (index in the report) and the observations (1, 0, -1, missing) of
            every single sentence.
        occurrences: Training sentences that affirm each observation (:func:`count_affirmed`).

    Raises:
        KeyError: If the labels know no "No Finding".
    """
    positive = (sentence_labels == 1).fillna(value=False)
    affirmed = positive[list(occurrences)].to_numpy(dtype=bool)
    counts = np.array(list(occurrences.values()), dtype=np.int64)
    rarest = np.where(affirmed, counts, np.inf).min(axis=1, initial=np.inf)
    normal = positive[NO_FINDING].to_numpy(dtype=bool)
    return StatedFindings(list(occurrences), affirmed, normal, counts, rarest)
