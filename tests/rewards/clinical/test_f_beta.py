"""The F-beta reward: the derivative of what it says it raises."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import fbeta_score

from coherent_cxr.rewards import CiderD, Reports, RewardConfig, RewardContext, f_beta, f_beta_reward

TYPES = ["Edema", "Fracture"]


def corpus(reports: int = 400) -> tuple[np.ndarray, np.ndarray]:
    dice = np.random.default_rng(0)
    wanted = dice.random((reports, 2)) < [0.3, 0.05]
    written = np.where(dice.random((reports, 2)) < 0.7, wanted, dice.random((reports, 2)) < 0.2)
    return written.astype(float), wanted.astype(float)


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_f_beta_equals_scikit_learn(beta):
    written, wanted = corpus()
    means = (written * wanted).mean(0), written.mean(0), wanted.mean(0)
    expected = fbeta_score(wanted, written, beta=beta, average=None)
    np.testing.assert_allclose(f_beta(*means, beta), expected)


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_the_reward_is_the_change_of_f_beta_by_one_report(beta):
    written, wanted = corpus(20_000)
    means = (written * wanted).mean(0), written.mean(0), wanted.mean(0)
    rewards = f_beta_reward(written, wanted, *means, beta)
    before = f_beta(*means, beta)
    for report in (np.flatnonzero(written[:, 0])[0], np.flatnonzero((written * (1 - wanted))[:, 1])[0]):
        silenced = written.copy()
        silenced[report] = 0
        after = f_beta((silenced * wanted).mean(0), silenced.mean(0), wanted.mean(0), beta)
        np.testing.assert_allclose((before - after) * len(written), rewards[report], rtol=1e-2)


def test_a_call_pays_from_a_chance_of_f_over_one_plus_beta_squared_on():
    # F1 = 0.4: a call that is right with chance 0.2 earns nothing on average.
    hits, calls, positives = np.array([0.02]), np.array([0.05]), np.array([0.05])
    assert f_beta(hits, calls, positives, 1.0) == pytest.approx(0.4)
    right, wrong = (
        f_beta_reward(np.array([[1.0]]), np.array([[truth]]), hits, calls, positives, 1.0)[0, 0]
        for truth in (1.0, 0.0)
    )
    assert 0.2 * right + 0.8 * wrong == pytest.approx(0.0)
    assert right == pytest.approx((2 - 0.4) / 0.1)
    assert wrong == pytest.approx(-0.4 / 0.1)


def test_silence_earns_nothing_and_the_floor_bounds_a_rare_type():
    zero = np.zeros(1)
    assert f_beta_reward(np.array([[0.0]]), np.array([[1.0]]), zero, zero, zero, 1.0) == 0
    assert f_beta_reward(
        np.array([[1.0]]), np.array([[1.0]]), zero, zero, zero, 1.0, floor=0.1
    ) == pytest.approx(20)
    assert f_beta(zero, zero, zero, 1.0) == 0


def reward_of(settings: dict | None = None):
    training = np.full((10, 14), 2, dtype=np.int8)
    training[:2, 5] = 1
    config = RewardConfig(
        weight=1.0, settings={"types": TYPES, "gamma": 0.5, "floor": 1e-6, **(settings or {})}
    )
    return config.build("f_beta", RewardContext(CiderD(2, {}), training)).reward


def reports(*edema: int) -> Reports:
    codes = np.full((len(edema), 14), 2, dtype=np.int8)
    codes[:, 5] = edema
    return Reports([f"report {n}" for n in range(len(edema))], codes)


def test_what_it_takes_in_moves_the_reward_and_travels_as_json():
    reward, again = reward_of(), reward_of()
    sampled, references = reports(1, 1, 2, 2), reports(1, 0, 0, 1)
    # Nothing known yet: F1 = 0, P = 0.2: a hit earns 2 / 0.2, halved over the two types.
    np.testing.assert_allclose(reward(sampled, references)[:, 0], [5.0, 0.0, 0.0, 0.0])
    reward.update(reward.batch_statistics(sampled, references).mean(axis=0))
    # Hits 0.25, calls 0.5: F1 = 0.5 / 0.7.
    f = 0.5 / 0.7
    np.testing.assert_allclose(reward(sampled, references)[:, 0], [(2 - f) / 1.4, -f / 1.4, 0.0, 0.0])
    again.load_state_dict(reward.state_dict())
    np.testing.assert_array_equal(again(sampled, references), reward(sampled, references))


def test_the_objective_is_macro_f_beta_over_types_that_occur():
    reward = reward_of()
    statistics = reward.statistics(reports(1, 1, 2, 2), reports(1, 0, 0, 1))
    assert reward.objective(statistics.mean(axis=0)) == pytest.approx(0.5)  # Edema alone occurs
    # Several resamples at once, the last axis being the numbers.
    assert reward.objective(np.stack([statistics[:2].mean(0), statistics[2:].mean(0)])) == pytest.approx(
        [2 / 3, 0.0]
    )
