"""Recall under a floor of precision: rewards, multipliers and objective by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.rewards import CiderD, Reports, RewardConfig, RewardContext
from coherent_cxr.rewards.clinical.recall_at_precision import RecallAtPrecisionReward

EDEMA = 5


def reward_of(**settings) -> RecallAtPrecisionReward:
    training = np.full((10, 14), 2, dtype=np.int8)
    training[:2, EDEMA] = 1  # a share of 0.2
    config = RewardConfig(weight=1.0, settings={"types": ["Edema"], **settings})
    config.checked("recall_at_precision")
    reward = config.build("recall_at_precision", RewardContext(CiderD(2, {}), training)).reward
    assert isinstance(reward, RecallAtPrecisionReward)
    return reward


def reports(*edema: int) -> Reports:
    codes = np.full((len(edema), 14), 2, dtype=np.int8)
    codes[:, EDEMA] = edema
    return Reports([f"report {n}" for n in range(len(edema))], codes)


def test_rewards_by_hand():
    # a = 0.6: odds 1.5; m = 2: right (1 + 2) / 0.2 = 15, wrong -2 * 1.5 / 0.2 = -15
    reward = reward_of(precision=0.6, multiplier=2.0)
    found = reward(reports(1, 1, 2, 0, -1), reports(1, 0, 1, 1, 1))
    np.testing.assert_allclose(found[:, 0], [15, -15, 0, 0, 7.5])
    only_recall = reward_of(precision=0.6, multiplier=0.0)
    np.testing.assert_allclose(only_recall(reports(1, 1), reports(1, 0))[:, 0], [5, 0])
    rare = reward_of(precision=0.6, multiplier=0.0, types=["Fracture"], smallest_share=0.1)
    codes = np.full((1, 14), 1, dtype=np.int8)
    assert rare(Reports(["x"], codes), Reports(["x"], codes)).tolist() == [[10.0]]


@given(st.floats(0.05, 0.95), st.floats(0, 10))
def test_a_call_pays_above_the_chance_that_the_multiplier_asks_for(floor, multiplier):
    reward = reward_of(precision=floor, multiplier=multiplier)
    right, wrong = reward(reports(1, 1), reports(1, 0))[:, 0]
    asked = multiplier * floor / (1 - floor + multiplier)
    assert asked <= floor
    assert asked * right + (1 - asked) * wrong == pytest.approx(0, abs=1e-9 * right / (1 - floor))
    assert reward(reports(2), reports(1))[0, 0] == 0


def test_multipliers_rise_below_the_floor_and_fall_above_it():
    reward = reward_of(precision=0.5, multiplier=1.0, rate=0.1, max_multiplier=1.2)
    # three calls, one right: hits 0.25, calls 0.75; lacking (0.5 - 0.25) / 0.2
    below, wanted = reports(1, 1, 1, 2), reports(1, 0, 0, 0)
    reward.update(reward.batch_statistics(below, wanted).mean(axis=0))
    np.testing.assert_allclose(reward.multipliers, [1 + 0.1 * 0.25 / 0.2])
    again = reward_of(precision=0.5, rate=0.1, max_multiplier=1.2)
    again.load_state_dict(json.loads(json.dumps(reward.state_dict())))
    np.testing.assert_array_equal(again(below, wanted), reward(below, wanted))
    reward.update(reward.batch_statistics(below, wanted).mean(axis=0))
    assert reward.multipliers.tolist() == [1.2]  # no further
    silent = reports(2, 2)
    reward.update(reward.batch_statistics(silent, reports(1, 0)).mean(axis=0))
    assert reward.multipliers.tolist() == [1.2]
    right = reports(1, 1)
    for _ in range(4):
        reward.update(reward.batch_statistics(right, right).mean(axis=0))
    assert reward.multipliers.tolist() == [0.0]


def test_the_objective_is_recall_less_what_precision_lacks():
    reward = reward_of(precision=0.5)

    def objective(called: Reports, wanted: Reports) -> float:
        return float(reward.objective(reward.statistics(called, wanted).mean(axis=0)))

    assert objective(reports(1, 2, 2, 2), reports(1, 1, 0, 0)) == pytest.approx(0.5)
    # affirming always: 2 of 5 right, recall 1; 3 wrong - 2 right = 1 lacking, of 2 positives
    assert objective(reports(1, 1, 1, 1, 1), reports(1, 1, 0, 0, 0)) == pytest.approx(0.5)
    assert objective(reports(2, 2), reports(1, 0)) == 0
    assert objective(reports(1, 2), reports(2, 2)) == 0  # no reference holds it


def test_ascent_on_the_lagrangian_ends_at_the_floor():
    # A world of calls sorted by chance: the best response calls all that pay; precision ends at the floor.
    chances = np.linspace(0.98, 0.02, 50)
    reward = reward_of(precision=0.7, rate=0.02, max_multiplier=50.0)
    precisions = []
    for _ in range(400):
        right, wrong = reward(reports(1, 1), reports(1, 0))[:, 0]
        called = chances[chances * right + (1 - chances) * wrong > 0]
        reward.update(np.array([called.sum() / 50, len(called) / 50]))
        precisions.append(called.mean())
    assert np.mean(precisions[-100:]) == pytest.approx(0.7, abs=0.02)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"precision": 1.0}, "precision' is 1.0"),
        ({"floors": {"Edma": 0.5}}, "Edma"),
        ({"floors": {"Edema": 0.0}}, "floors.Edema' is 0.0"),
        ({"multiplier": 11.0}, "at most max_multiplier, 10"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ConfigurationError, match=message):
        reward_of(**settings)
