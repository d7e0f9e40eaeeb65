"""Thresholds against hand-worked examples."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.training.encoder.decisions import LabelDecisionsConfig, call_labels, choose_thresholds

EDEMA = "Edema"


def tables(train: list[int], validation: list[int], scores: list[float]):
    """Labels of one observation in two splits, and the validation scores; all other labels absent, at -5."""
    studies = [f"t{i}" for i in range(len(train))] + [f"v{i}" for i in range(len(validation))]
    labels = pd.DataFrame({"study_id": studies})
    for name in OBSERVATIONS:
        labels[name] = pd.array([None] * len(studies), dtype="Int8")
    labels[EDEMA] = pd.array([value or None for value in train + validation], dtype="Int8")
    splits = pd.DataFrame(
        {"study_id": studies, "split": ["train"] * len(train) + ["validation"] * len(validation)}
    )
    logits = pd.DataFrame({"study_id": studies[len(train) :]})
    for name in OBSERVATIONS:
        logits[name] = -5.0
    logits[EDEMA] = scores
    return logits, labels, splits


def factor_of(table: pd.DataFrame, point: str = "balanced") -> float:
    (factor,) = table[table["operating_point"] == point]["factor"].unique()
    return float(factor)


def test_as_many_are_called_as_the_training_prevalence_times_the_factor_lets_expect():
    # one in five of training; of ten validation studies the two with the highest scores, four at factor 2
    scores = [float(i) for i in range(10)]
    logits, labels, splits = tables([1, 0, 0, 0, 0], [0] * 8 + [1, 1], scores)
    for factor, called in ((1.0, 2), (2.0, 4)):
        config = LabelDecisionsConfig(prevalence_factors=(factor,))
        table = choose_thresholds(config, logits, labels, splits)
        calls = call_labels(logits, table).set_index("study_id")
        assert calls.index[calls[EDEMA] == 1].tolist() == [f"v{i}" for i in range(10 - called, 10)]
        assert (calls["No Finding"] == 1).sum() == 10 - called
        row = table[table["operating_point"] == "balanced"].set_index("observation").loc[EDEMA]
        assert (row["prevalence"], row["validation_positives"], row["factor"]) == (0.2, 2, factor)


def test_the_factor_with_the_best_validation_f1_is_taken():
    scores = [float(i) for i in range(10)]
    config = LabelDecisionsConfig(prevalence_factors=(0.7, 1.6, 1.0, 2.0))
    logits, labels, splits = tables([1, 0, 0, 0, 0], [0] * 6 + [1] * 4, scores)
    assert factor_of(choose_thresholds(config, logits, labels, splits)) == 2.0
    logits, labels, splits = tables([1, 0, 0, 0, 0], [0] * 8 + [1, 1], scores)
    # 0.7 times one in five of ten is the two highest, too: of equal factors the first
    assert factor_of(choose_thresholds(config, logits, labels, splits)) == 0.7


def test_operating_points_trade_precision_for_recall_as_they_promise():
    # Of twenty studies, the 1st, 2nd, 5th and 11th by score are positive. Calling 2, 5, 11 gives
    # precision 1, .6, .36 and recall .5, .75, 1: F.5 is .83, .63, .42, F1 .67, .67, .53 and F2 .56, .71, .74.
    positive = {19, 18, 15, 9}
    scores = [float(i) for i in range(20)]
    logits, labels, splits = tables([1] + [0] * 19, [int(i in positive) for i in range(20)], scores)
    config = LabelDecisionsConfig(prevalence_factors=(2.0, 5.0, 11.0))
    table = choose_thresholds(config, logits, labels, splits)
    assert [factor_of(table, point) for point in ("specific", "balanced", "sensitive")] == [2.0, 2.0, 11.0]
    edema = table[table["observation"] == EDEMA].set_index("operating_point")
    assert edema.loc["specific", ["called", "precision", "recall"]].tolist() == [2, 1.0, 0.5]
    assert edema.loc["sensitive", ["called", "precision", "recall"]].tolist() == [11, 4 / 11, 1.0]
    for point, called in (("specific", 2), ("sensitive", 11)):
        assert (call_labels(logits, table, point)[EDEMA] == 1).sum() == called


def test_precision_of_nothing_called_and_recall_of_nothing_positive_are_missing():
    logits, labels, splits = tables([0, 0], [0, 0], [1.0, 0.0])
    table = choose_thresholds(LabelDecisionsConfig(), logits, labels, splits)
    edema = table[table["observation"] == EDEMA]
    assert edema[["precision", "recall"]].isna().all(axis=None)


def test_a_label_without_training_positives_is_never_called():
    logits, labels, splits = tables([0, 0, 0], [1, 0], [9.0, 0.0])
    table = choose_thresholds(LabelDecisionsConfig(), logits, labels, splits)
    assert np.isinf(table["threshold"]).all()
    assert not (call_labels(logits, table)[EDEMA] == 1).any()


def test_support_devices_do_not_take_no_finding_away():
    logits, labels, splits = tables([1, 0], [1, 0], [1.0, 0.0])
    table = choose_thresholds(LabelDecisionsConfig(), logits, labels, splits)
    table.loc[table["observation"] == "Support Devices", "threshold"] = -9.0
    calls = call_labels(logits, table)
    assert calls["Support Devices"].tolist() == [1, 1]
    assert calls["No Finding"].eq(1).fillna(value=False).tolist() == [False, True]


def test_what_cannot_be_decided_is_refused():
    logits, labels, splits = tables([1, 0], [1, 0], [1.0, 0.0])
    with pytest.raises(ValueError, match="thresholds cannot be chosen"):
        choose_thresholds(LabelDecisionsConfig(), logits.iloc[:0], labels, splits)
    with pytest.raises(ConfigurationError, match="positive numbers"):
        dataclasses.replace(LabelDecisionsConfig(), prevalence_factors=(0.0,))
