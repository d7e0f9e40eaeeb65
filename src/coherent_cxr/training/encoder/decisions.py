"""From label scores to decisions: which findings an image is said to show.

A label is called where its score is among the highest on the validation split, as many of them as the
training split's prevalence lets expect, times a factor. The factor is one number for all labels, so that it
can be chosen on a validation split that has one to three positives of the rare ones.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.configuration import configuration, require

NO_FINDING = OBSERVATIONS.index("No Finding")
DEVICES = OBSERVATIONS.index("Support Devices")


@configuration
class LabelDecisionsConfig:
    """How label scores become decisions.

    Attributes:
        prevalence_factors: Candidates for the factor; the one with the best validation macro-F1 is taken, of
            equal ones the first.
    """

    prevalence_factors: tuple[float, ...] = (0.7, 1.0, 1.3, 1.6, 2.0)

    def check(self) -> None:
        """Refuse factors that call nothing."""
        name = "label_decisions.prevalence_factors"
        require(bool(self.prevalence_factors), name, self.prevalence_factors, "at least one number")
        require(min(self.prevalence_factors) > 0, name, self.prevalence_factors, "positive numbers")


def choose_thresholds(
    config: LabelDecisionsConfig, label_scores: pd.DataFrame, labels: pd.DataFrame, splits: pd.DataFrame
) -> pd.DataFrame:
    """Choose a threshold per label from training prevalences and validation scores.

    Args:
        config: Candidates.
        label_scores: ``study_id`` and a logit per observation.
        labels: ``study_id`` and the 14 observations (1, 0, -1, missing).
        splits: ``study_id``, ``split``.

    Returns:
        ``observation``, ``threshold`` (logit at and above which it is called; infinite if the training split
        has no positive), ``prevalence`` in the training split, ``validation_positives``, ``factor``.

    Raises:
        ValueError: If no study of the validation split has scores.
    """
    split_of = dict(zip(splits["study_id"], splits["split"], strict=True))
    of_split = label_scores["study_id"].map(split_of)
    validation = label_scores[of_split == "validation"]
    if validation.empty:
        raise ValueError(
            "No study of the validation split has an image, so thresholds cannot be chosen. Use more "
            "studies, or a split file with a validation split."
        )
    positive = labels.set_index("study_id")[list(OBSERVATIONS)].eq(1).fillna(value=False)
    training = positive.loc[[study for study in positive.index if split_of.get(study) == "train"]]
    prevalence = training.to_numpy(dtype=bool).mean(axis=0) if len(training) else np.zeros(len(OBSERVATIONS))
    truth = positive.loc[validation["study_id"]].to_numpy(dtype=bool)
    scores = validation[list(OBSERVATIONS)].to_numpy(dtype=np.float64)
    quality = [
        _macro_f1(truth, _calls(scores, _quantiles(scores, prevalence * factor)))
        for factor in config.prevalence_factors
    ]
    factor = config.prevalence_factors[int(np.argmax(quality))]
    return pd.DataFrame(
        {
            "observation": list(OBSERVATIONS),
            "threshold": _quantiles(scores, prevalence * factor),
            "prevalence": prevalence,
            "validation_positives": truth.sum(axis=0),
            "factor": factor,
        }
    )


def call_labels(label_scores: pd.DataFrame, thresholds: pd.DataFrame) -> pd.DataFrame:
    """Decide every label of every study.

    "No Finding" is called where nothing else but Support Devices is, as the labeller has it.

    Args:
        label_scores: ``study_id`` and a logit per observation.
        thresholds: What :func:`choose_thresholds` returned.

    Returns:
        ``study_id`` and the 14 observations, 1 where called and missing elsewhere (Int8).
    """
    limits = thresholds.set_index("observation").loc[list(OBSERVATIONS), "threshold"].to_numpy(np.float64)
    called = _calls(label_scores[list(OBSERVATIONS)].to_numpy(np.float64), limits)
    table = pd.DataFrame({"study_id": label_scores["study_id"].to_numpy()})
    for column, name in enumerate(OBSERVATIONS):
        table[name] = pd.arrays.IntegerArray(called[:, column].astype(np.int8), ~called[:, column])
    return table


def _quantiles(scores: NDArray[np.float64], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the score above which each column's share of rows lies; infinite for a share of nothing."""
    limits = [
        np.quantile(scores[:, column], 1 - min(one, 1.0)) if one > 0 else np.inf
        for column, one in enumerate(share)
    ]
    return np.array(limits, dtype=np.float64)


def _calls(scores: NDArray[np.float64], limits: NDArray[np.float64]) -> NDArray[np.bool_]:
    called: NDArray[np.bool_] = scores >= limits
    findings = [column for column in range(len(OBSERVATIONS)) if column not in (NO_FINDING, DEVICES)]
    called[:, NO_FINDING] = ~called[:, findings].any(axis=1)
    return called


def _macro_f1(truth: NDArray[np.bool_], called: NDArray[np.bool_]) -> float:
    there = truth.any(axis=0)
    if not there.any():
        return 0.0
    return float(f1_score(truth[:, there], called[:, there], average="macro", zero_division=0))
