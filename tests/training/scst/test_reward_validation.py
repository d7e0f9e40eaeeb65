"""The paired interval of a run's gain."""

from __future__ import annotations

import numpy as np
import pytest

from coherent_cxr.rewards import CiderD, Reward, RewardConfig, RewardContext, WeightedReward
from coherent_cxr.training.scst.reward_validation import gain, objective


def mean_reward(weight: float = 1.0) -> WeightedReward:
    return WeightedReward("mean", weight, "greedy", Reward(("mean",), lambda c, r: np.zeros((len(c), 1))))


def test_the_interval_of_a_mean_is_that_of_the_central_limit():
    dice = np.random.default_rng(0)
    before = dice.normal(0, 5, (300, 1))
    after = before + dice.normal(0.3, 1, (300, 1))
    found = gain([mean_reward(2.0)], [before], [after], 0)
    change = 2 * (after - before)
    assert found.after - found.before == pytest.approx(change.mean())
    half = 1.96 * change.std(ddof=1) / 300**0.5
    assert found.low == pytest.approx(change.mean() - half, rel=0.1)
    assert found.high == pytest.approx(change.mean() + half, rel=0.1)
    assert gain([mean_reward(2.0)], [before], [after], 0) == found


def test_nothing_changed_is_no_gain():
    same = np.ones((5, 1))
    assert gain([mean_reward()], [same], [same], 0) == (1.0, 1.0, 0.0, 0.0)


def test_f_beta_is_resampled_as_a_ratio_of_sums():
    training = np.zeros((4, 14), dtype=np.int8)
    config = RewardConfig(weight=1.0, settings={"types": ["Edema"]})
    built = config.build("f_beta", RewardContext(CiderD(2, {}), training))
    # hits, calls, positives per report
    before = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]] * 30)
    after = np.array([[1.0, 1.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]] * 30)
    found = gain([built], [before], [after], 1)
    assert (found.before, found.after) == (0.0, pytest.approx(2 / 3))
    assert 0.4 < found.low < 2 / 3 < found.high < 0.9
    assert objective([built, mean_reward(3.0)], [after.mean(axis=0), np.array([2.0])]) == pytest.approx(
        2 / 3 + 6
    )
