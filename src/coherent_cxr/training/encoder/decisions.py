"""From label scores to decisions: which findings an image is said to show.

A label is called where its score is among the highest on the validation split, as many of them as the
training split's prevalence lets expect, times a factor. The factor is one number for all labels, so that it
can be chosen on a validation split that has one to three positives of the rare ones. Each operating point has
a factor of its own, the one with the best macro F-beta: beta says how much more recall counts than precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.configuration import configuration, require
from coherent_cxr.training.encoder.calibration import Calibration, calibrate

NO_FINDING = OBSERVATIONS.index("No Finding")
DEVICES = OBSERVATIONS.index("Support Devices")
OperatingPoint = Literal["balanced", "sensitive", "specific"]
BETAS: Mapping[OperatingPoint, float] = {"balanced": 1.0, "sensitive": 2.0, "specific": 0.5}


@configuration
class LabelDecisionsConfig:
    """How label scores become decisions.

    Attributes:
        prevalence_factors: Candidates for the factor; the one with the best validation macro F-beta is taken,
            of equal ones the first.
        operating_point: Whose thresholds decide in this pipeline; a registered model brings all.
    """

    prevalence_factors: tuple[float, ...] = (0.3, 0.5, 0.7, 1.0, 1.3, 1.6, 2.0, 3.0, 4.0)
    operating_point: OperatingPoint = "balanced"

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
        For each operating point and observation: ``threshold`` (logit at and above which it is called;
        infinite if the training split has no positive), ``prevalence`` in the training split,
        ``validation_positives``, ``factor``; on validation ``called`` studies, ``precision`` and ``recall``
        (missing where nothing is called, or nothing positive); and ``slope`` and ``intercept`` that make
        probabilities of logits (:mod:`.calibration`).

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
    calibration = calibrate(scores, truth, prevalence)
    tables = []
    for point, beta in BETAS.items():
        quality = [
            _macro_f(truth, _calls(scores, _quantiles(scores, prevalence * factor)), beta)
            for factor in config.prevalence_factors
        ]
        factor = config.prevalence_factors[int(np.argmax(quality))]
        limits = _quantiles(scores, prevalence * factor)
        called = _calls(scores, limits)
        right = (called & truth).sum(axis=0).astype(np.float64)
        tables.append(
            pd.DataFrame(
                {
                    "operating_point": point,
                    "observation": list(OBSERVATIONS),
                    "threshold": limits,
                    "prevalence": prevalence,
                    "validation_positives": truth.sum(axis=0),
                    "factor": factor,
                    "called": called.sum(axis=0),
                    "precision": _share(right, called.sum(axis=0)),
                    "recall": _share(right, truth.sum(axis=0)),
                    "slope": calibration.slope,
                    "intercept": calibration.intercepts,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def thresholds_of(thresholds: pd.DataFrame, operating_point: str) -> NDArray[np.float64]:
    """Return the thresholds of one operating point, in the order of the observations ``(14,)``."""
    of_point = thresholds[thresholds["operating_point"] == operating_point]
    limits: NDArray[np.float64] = (
        of_point.set_index("observation").loc[list(OBSERVATIONS), "threshold"].to_numpy(np.float64)
    )
    return limits


def calibration_of(thresholds: pd.DataFrame) -> Calibration:
    """Return what makes probabilities of logits, the labels in the order of the observations."""
    one = thresholds.drop_duplicates("observation").set_index("observation").loc[list(OBSERVATIONS)]
    return Calibration(float(one["slope"].iloc[0]), one["intercept"].to_numpy(np.float64))


def label_probabilities(label_scores: pd.DataFrame, thresholds: pd.DataFrame) -> pd.DataFrame:
    """Return ``study_id`` and the calibrated probability of each observation, 0 to 1."""
    logits = label_scores[list(OBSERVATIONS)].to_numpy(np.float64)
    table = pd.DataFrame(calibration_of(thresholds).probabilities(logits), columns=list(OBSERVATIONS))
    table.insert(0, "study_id", label_scores["study_id"].to_numpy())
    return table


def call_labels(
    label_scores: pd.DataFrame, thresholds: pd.DataFrame, operating_point: OperatingPoint = "balanced"
) -> pd.DataFrame:
    """Decide every label of every study.

    "No Finding" is called where nothing else but Support Devices is, as the labeller has it.

    Args:
        label_scores: ``study_id`` and a logit per observation.
        thresholds: What :func:`choose_thresholds` returned.
        operating_point: Whose thresholds decide.

    Returns:
        ``study_id`` and the 14 observations, 1 where called and missing elsewhere (Int8).
    """
    limits = thresholds_of(thresholds, operating_point)
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


def _macro_f(truth: NDArray[np.bool_], called: NDArray[np.bool_], beta: float) -> float:
    """Return the mean F-beta of labels with a positive; scikit-learn takes a single one for two classes."""
    there = truth.any(axis=0)
    if not there.any():
        return 0.0
    truth, called = truth[:, there], called[:, there]
    right = (truth & called).sum(axis=0)
    return float(np.mean((1 + beta**2) * right / (beta**2 * truth.sum(axis=0) + called.sum(axis=0))))


def _share(part: NDArray[np.float64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    share = np.full(len(part), np.nan)
    np.divide(part, whole, out=share, where=whole > 0)
    return share
