"""From label scores to decisions: which findings are called for a study.

A call pays where the finding is likely enough. How likely that is follows from calibrated probabilities
(:mod:`.calibration`) alone, label by label, so it works for labels with hardly a positive:

- For F-beta, a call pays where its probability is above ``F* / (1 + beta**2)``, with F* the best F-beta that
  the label's probabilities let expect (Lipton et al. 2014).
- To hold a precision, calls go down to where the mean probability of all calls is that precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.observations import NO_FINDING, label_set
from coherent_cxr.configuration import Settings, require
from coherent_cxr.training.encoder.calibration import Array, Calibration, calibrate

BETAS: Mapping[str, float] = {"balanced": 1.0, "sensitive": 2.0, "specific": 0.5}
PRECISION = "precision-"
ALWAYS = -1e6
PossiblePrecision = Annotated[float, Field(gt=0, lt=1)]


class LabelDecisionsConfig(Settings):
    """How label scores become decisions.

    Attributes:
        hold_precision: Precisions, each of which is an operating point, named as ``precision-0.7``.
        operating_point: Whose thresholds decide in this pipeline; a registered model brings all.
    """

    hold_precision: tuple[PossiblePrecision, ...]
    operating_point: str

    def check(self) -> None:
        """Refuse an operating point that is not there."""
        right = f"one of {', '.join(self.operating_points)}"
        known = self.operating_point in self.operating_points
        require(known, "label_decisions.operating_point", self.operating_point, right)

    @property
    def operating_points(self) -> tuple[str, ...]:
        """Names of all operating points."""
        return (*BETAS, *(f"{PRECISION}{value:g}" for value in self.hold_precision))


def choose_thresholds(
    config: LabelDecisionsConfig,
    label_scores: pd.DataFrame,
    labels: pd.DataFrame,
    splits: pd.DataFrame,
    cross_fitted: bool = False,
) -> pd.DataFrame:
    """Choose a threshold per label and operating point from studies that the encoder has not learnt from.

    Args:
        config: Operating points.
        label_scores: ``study_id`` and a logit per observation.
        labels: ``study_id`` and the 14 observations (1, 0, -1, missing).
        splits: ``study_id``, ``split``.
        cross_fitted: Whether scores of training studies are those of encoders that have not seen them; they
            then count as the validation split's do.

    Returns:
        For each operating point and observation: ``threshold`` (logit at and above which it is called;
        infinite if the training split has no positive), ``prevalence`` in the training split,
        ``validation_positives``; on validation ``called`` studies, ``precision`` and ``recall`` (missing
        where nothing is called, or nothing positive) and those that the probabilities promised
        (``expected_precision``, ``expected_recall``); and ``slope`` and ``intercept`` that make
        probabilities of logits.

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
    unseen = label_scores[of_split.isin(["train", "validation"])] if cross_fitted else validation
    logits, truth = _scores(unseen), positive.loc[unseen["study_id"]].to_numpy(dtype=bool)
    calibration = calibrate(logits, truth, prevalence)
    probabilities = calibration.probabilities(logits)
    there = positive.loc[validation["study_id"]].to_numpy(dtype=bool)
    tables = []
    for point in config.operating_points:
        least = np.array([_least(point, probabilities[:, label]) for label in range(len(OBSERVATIONS))])
        limits = _logit_thresholds(calibration, least, prevalence)
        quality = _quality(_scores(validation), there, limits, calibration)
        shared = {"threshold": limits, "prevalence": prevalence, "validation_positives": there.sum(axis=0)}
        tables.append(
            pd.DataFrame(
                {
                    "operating_point": point,
                    "observation": list(OBSERVATIONS),
                    **shared,
                    **quality,
                    "slope": calibration.slopes,
                    "intercept": calibration.intercepts,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def best_thresholds(label_scores: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Return the thresholds with the best F1 on the studies they are judged on: an upper bound.

    Args:
        label_scores: ``study_id`` and a logit per observation.
        labels: ``study_id`` and the 14 observations; only 1 is positive.

    Returns:
        ``operating_point`` (always "perfect thresholds"), ``observation``, ``threshold``; infinite for a
        label without a positive.
    """
    truth = labels.set_index("study_id").loc[label_scores["study_id"], list(OBSERVATIONS)].eq(1)
    limits = []
    for name in OBSERVATIONS:
        positive = truth[name].fillna(value=False).to_numpy(dtype=bool)
        order = np.argsort(-label_scores[name].to_numpy(np.float64), kind="stable")
        scores = label_scores[name].to_numpy(np.float64)[order]
        f1 = 2 * np.cumsum(positive[order]) / (np.arange(1, len(order) + 1) + positive.sum())
        # equal ones are called together
        f1[:-1][scores[:-1] == scores[1:]] = 0
        limits.append(float(scores[int(np.argmax(f1))]) if positive.any() else np.inf)
    table = {"operating_point": "perfect thresholds", "observation": list(OBSERVATIONS), "threshold": limits}
    return pd.DataFrame(table)


def least_probability_for_f(probabilities: Array, beta: float) -> float:
    """Return the probability above which a call raises the F-beta that probabilities let expect.

    With calls for the k highest probabilities, the expected F-beta is about
    ``(1 + beta**2) * (sum of those k) / (beta**2 * (sum of all) + k)``; the best of them is F*.

    Args:
        probabilities: Of one label, 0 to 1 ``(studies,)``.
        beta: How many times as much recall counts as precision.
    """
    ordered = np.sort(probabilities)[::-1]
    calls = np.arange(1, len(ordered) + 1)
    best = np.max((1 + beta**2) * np.cumsum(ordered) / (beta**2 * ordered.sum() + calls))
    return float(best / (1 + beta**2))


def least_probability_for_precision(probabilities: Array, precision: float) -> float:
    """Return the probability down to which calls have a mean probability of ``precision`` or more.

    Args:
        probabilities: Of one label, 0 to 1 ``(studies,)``.
        precision: Above 0 and below 1; returned where no study is as likely as that.
    """
    ordered = np.sort(probabilities)[::-1]
    held = np.cumsum(ordered) >= precision * np.arange(1, len(ordered) + 1)
    # equal ones are called together
    last = np.flatnonzero(held & (np.diff(ordered, append=-1.0) < 0))
    return float(min(precision, ordered[last[-1]])) if len(last) else precision


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
    return Calibration(one["slope"].to_numpy(np.float64), one["intercept"].to_numpy(np.float64))


def label_probabilities(label_scores: pd.DataFrame, thresholds: pd.DataFrame) -> pd.DataFrame:
    """Return ``study_id`` and the calibrated probability of each observation, 0 to 1."""
    probabilities = calibration_of(thresholds).probabilities(_scores(label_scores))
    table = pd.DataFrame(probabilities, columns=list(OBSERVATIONS))
    table.insert(0, "study_id", label_scores["study_id"].to_numpy())
    return table


def call_labels(
    label_scores: pd.DataFrame, thresholds: pd.DataFrame, operating_point: str = "balanced"
) -> pd.DataFrame:
    """Decide every label of every study.

    "No Finding" is called where no finding is called; Support Devices is not a finding.

    Args:
        label_scores: ``study_id`` and a logit per observation.
        thresholds: What :func:`choose_thresholds` returned.
        operating_point: Whose thresholds decide.

    Returns:
        ``study_id`` and the 14 observations, 1 where called and missing elsewhere (Int8).
    """
    called = _calls(_scores(label_scores), thresholds_of(thresholds, operating_point))
    table = pd.DataFrame({"study_id": label_scores["study_id"].to_numpy()})
    for column, name in enumerate(OBSERVATIONS):
        table[name] = pd.arrays.IntegerArray(called[:, column].astype(np.int8), ~called[:, column])
    return table


def _scores(label_scores: pd.DataFrame) -> Array:
    return label_scores[list(OBSERVATIONS)].to_numpy(np.float64)


def _least(operating_point: str, probabilities: Array) -> float:
    if operating_point in BETAS:
        return least_probability_for_f(probabilities, BETAS[operating_point])
    return least_probability_for_precision(probabilities, float(operating_point.removeprefix(PRECISION)))


def _logit_thresholds(calibration: Calibration, least: Array, prevalence: Array) -> Array:
    """Return logits at and above which labels are called; infinite for one that never occurs."""
    limits = calibration.logits(np.clip(least, 1e-9, 1 - 1e-9))
    # finite for one that always occurs, too: minus infinity would pass for a damaged bundle
    return np.where(prevalence > 0, np.maximum(limits, ALWAYS), np.inf)


def _quality(
    logits: Array, truth: NDArray[np.bool_], limits: Array, calibration: Calibration
) -> dict[str, Array]:
    called, probabilities = _calls(logits, limits), calibration.probabilities(logits)
    right, calls = (called & truth).sum(axis=0), called.sum(axis=0)
    hoped = (called * probabilities).sum(axis=0)
    return {
        "called": calls,
        "precision": _share(right, calls),
        "recall": _share(right, truth.sum(axis=0)),
        "expected_precision": _share(hoped, calls),
        "expected_recall": _share(hoped, probabilities.sum(axis=0)),
    }


def _calls(scores: Array, limits: Array) -> NDArray[np.bool_]:
    called: NDArray[np.bool_] = scores >= limits
    aside = (NO_FINDING, *label_set().not_a_finding)
    findings = [column for column, name in enumerate(OBSERVATIONS) if name not in aside]
    called[:, OBSERVATIONS.index(NO_FINDING)] = ~called[:, findings].any(axis=1)
    return called


def _share(part: NDArray[np.number[Any]], whole: NDArray[np.number[Any]]) -> Array:
    share = np.full(len(part), np.nan)
    np.divide(part, whole, out=share, where=whole > 0)
    return share
