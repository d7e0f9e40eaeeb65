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
        row = table.set_index("observation").loc[EDEMA]
        assert (row["prevalence"], row["validation_positives"], row["factor"]) == (0.2, 2, factor)


def test_the_factor_with_the_best_validation_f1_is_taken():
    scores = [float(i) for i in range(10)]
    config = LabelDecisionsConfig(prevalence_factors=(0.7, 1.6, 1.0, 2.0))
    logits, labels, splits = tables([1, 0, 0, 0, 0], [0] * 6 + [1] * 4, scores)
    assert choose_thresholds(config, logits, labels, splits)["factor"].unique() == [2.0]
    logits, labels, splits = tables([1, 0, 0, 0, 0], [0] * 8 + [1, 1], scores)
    # 0.7 times one in five of ten is the two highest, too: of equal factors the first
    assert choose_thresholds(config, logits, labels, splits)["factor"].unique() == [0.7]


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
