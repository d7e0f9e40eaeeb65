"""Thresholds against hand-worked examples."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.training.encoder.decisions import (
    LabelDecisionsConfig,
    best_thresholds,
    call_labels,
    choose_thresholds,
    least_probability_for_f,
    least_probability_for_precision,
)
from helpers.settings import filled

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


def brute_force_f(probabilities: list[float], beta: float) -> tuple[float, set[int]]:
    """The calls with the best expected F-beta, of all sets of calls."""
    places = range(len(probabilities))
    sets = [set(chosen) for size in range(1, len(probabilities) + 1) for chosen in combinations(places, size)]

    def f(calls: set[int]) -> float:
        right = sum(probabilities[place] for place in calls)
        return (1 + beta**2) * right / (beta**2 * sum(probabilities) + len(calls))

    best = max(sets, key=f)
    return f(best), best


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=8), st.sampled_from([0.5, 1.0, 2.0]))
def test_calls_above_the_least_probability_have_the_best_expected_f_of_all_calls(chances, beta):
    best, _ = brute_force_f(chances, beta)
    least = least_probability_for_f(np.array(chances), beta)
    assert least == pytest.approx(best / (1 + beta**2))
    called = [chance for chance in chances if chance > least - 1e-12]
    assert (1 + beta**2) * sum(called) / (beta**2 * sum(chances) + len(called)) == pytest.approx(best)


def test_a_call_pays_above_half_of_the_best_f1():
    # .8 alone: 2 * .8 / (1.1 + 1) = .762; with .2: 2 * 1 / (1.1 + 2) = .645; all: 2.2 / 4.1 = .537
    assert least_probability_for_f(np.array([0.2, 0.8, 0.1]), 1.0) == pytest.approx(0.8 * 2 / 2.1 / 2)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=8), st.floats(0.05, 0.95))
def test_a_held_precision_is_held_with_as_many_calls_as_it_allows(chances, precision):
    least = least_probability_for_precision(np.array(chances), precision)
    called = [chance for chance in chances if chance >= least]
    assert not called or np.mean(called) >= precision - 1e-12
    for lower in {chance for chance in chances if chance < least}:
        assert np.mean([chance for chance in chances if chance >= lower]) < precision + 1e-12


def test_a_precision_that_no_study_reaches_is_held_by_calling_nothing():
    assert least_probability_for_precision(np.array([0.3, 0.1]), 0.7) == 0.7


def of_edema(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["observation"] == EDEMA].set_index("operating_point")


@pytest.fixture
def honest() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Five thousand validation studies whose logits are well calibrated; one in five shows it."""
    dice = np.random.default_rng(0)
    logits = dice.normal(-2.2, 2, size=5000)
    truth = dice.random(5000) < expit(logits)
    return tables([1] + [0] * 4, truth.astype(int).tolist(), logits.tolist())


def test_operating_points_trade_precision_for_recall_and_keep_what_they_promise(honest):
    table = choose_thresholds(filled(LabelDecisionsConfig), *honest)
    edema = of_edema(table)
    order = ["specific", "balanced", "sensitive"]
    assert edema.loc[order, "recall"].is_monotonic_increasing
    assert edema.loc[order, "precision"].is_monotonic_decreasing
    held = [f"precision-{value}" for value in (0.3, 0.5, 0.7, 0.9)]
    assert edema.loc[held, "expected_precision"].tolist() == pytest.approx([0.3, 0.5, 0.7, 0.9], abs=0.02)
    assert edema.loc[held, "precision"].tolist() == pytest.approx([0.3, 0.5, 0.7, 0.9], abs=0.06)
    assert edema["recall"].tolist() == pytest.approx(edema["expected_recall"].tolist(), abs=0.06)
    for point in (*order, *held):
        assert (call_labels(honest[0], table, point)[EDEMA] == 1).sum() == edema.loc[point, "called"]


def test_a_threshold_is_near_the_best_that_brute_force_finds_on_the_same_studies(honest):
    logits, labels, _ = honest
    threshold = of_edema(choose_thresholds(filled(LabelDecisionsConfig), *honest)).loc[
        "balanced", "threshold"
    ]
    scores = logits[EDEMA].to_numpy()
    truth = labels.set_index("study_id").loc[logits["study_id"], EDEMA].eq(1).fillna(value=False).to_numpy()

    def f1(limit: float) -> float:
        called = scores >= limit
        return float(2 * (called & truth).sum() / (called.sum() + truth.sum()))

    assert f1(threshold) > max(f1(limit) for limit in scores) - 0.02


def test_scores_of_encoders_that_have_not_seen_the_training_studies_count_too(honest):
    # validation alone says that scores tell nothing; the training studies that they tell everything
    logits, labels, splits = tables([1, 0] * 200, [1, 0, 0, 1], [0.0, 0.1, 0.2, 0.1])
    training = logits.iloc[[0] * 400].assign(study_id=[f"t{i}" for i in range(400)])
    training[EDEMA] = [2.0, -2.0] * 200
    both = pd.concat([training, logits])
    alone = of_edema(choose_thresholds(filled(LabelDecisionsConfig), both, labels, splits))
    more = of_edema(choose_thresholds(filled(LabelDecisionsConfig), both, labels, splits, cross_fitted=True))
    assert alone.loc["balanced", "slope"] < more.loc["balanced", "slope"]
    assert more.loc["balanced", "validation_positives"] == 2


def test_precision_of_nothing_called_and_recall_of_nothing_positive_are_missing():
    logits, labels, splits = tables([0, 0], [0, 0], [1.0, 0.0])
    table = choose_thresholds(filled(LabelDecisionsConfig), logits, labels, splits)
    edema = table[table["observation"] == EDEMA]
    assert edema[["precision", "recall"]].isna().all(axis=None)


def test_a_label_without_training_positives_is_never_called():
    logits, labels, splits = tables([0, 0, 0], [1, 0], [9.0, 0.0])
    table = choose_thresholds(filled(LabelDecisionsConfig), logits, labels, splits)
    assert np.isinf(table["threshold"]).all()
    assert not (call_labels(logits, table)[EDEMA] == 1).any()


def test_support_devices_do_not_take_no_finding_away():
    logits, labels, splits = tables([1, 0], [1, 0], [1.0, 0.0])
    table = choose_thresholds(filled(LabelDecisionsConfig), logits, labels, splits)
    table.loc[table["observation"] == "Support Devices", "threshold"] = -9.0
    calls = call_labels(logits, table)
    assert calls["Support Devices"].tolist() == [1, 1]
    assert calls["No Finding"].eq(1).fillna(value=False).tolist() == [False, True]


def test_what_cannot_be_decided_is_refused():
    logits, labels, splits = tables([1, 0], [1, 0], [1.0, 0.0])
    with pytest.raises(ValueError, match="thresholds cannot be chosen"):
        choose_thresholds(filled(LabelDecisionsConfig), logits.iloc[:0], labels, splits)
    with pytest.raises(ConfigurationError, match="a positive number, below 1"):
        filled(LabelDecisionsConfig, hold_precision=(1.0,))
    with pytest.raises(ConfigurationError, match=r"operating_point.*one of balanced, .*precision-0\.5"):
        filled(LabelDecisionsConfig, hold_precision=(0.5,), operating_point="precise")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=10))
@pytest.mark.slow
def test_no_threshold_beats_the_perfect_one(studies):
    scores = [float(score) for score, _ in studies]
    truth = np.array([positive for _, positive in studies])
    logits, labels, _ = tables([], truth.astype(int).tolist(), scores)
    limit = best_thresholds(logits, labels).set_index("observation").loc[EDEMA, "threshold"]

    def f1(least: float) -> float:
        called = np.array(scores) >= least
        return 2 * (called & truth).sum() / max(called.sum() + truth.sum(), 1)

    assert f1(limit) == max([f1(least) for least in scores] + [f1(np.inf)])
