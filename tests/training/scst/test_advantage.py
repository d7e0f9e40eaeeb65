"""Advantages by hand, for every baseline."""

from __future__ import annotations

import json

import numpy as np
import pytest

from coherent_cxr.rewards import Reports, Reward, WeightedReward
from coherent_cxr.training.scst.advantage import (
    AdvantageEstimator,
    group_advantage,
    others_mean,
    without_spread,
)

VALUES = {"a": [1.0, 0.0], "b": [0.5, 0.5], "c": [0.0, 0.25], "g": [0.5, 0.0]}


def reports(names: str) -> Reports:
    return Reports(list(names), np.zeros((len(names), 14), dtype=np.int8))


def estimator(samples: int = 1, gamma: float = 0.5, **baselines: str) -> AdvantageEstimator:
    def function(candidates: Reports, references: Reports) -> np.ndarray:
        return np.array([VALUES[name] for name in candidates.texts])

    two = Reward(("x", "y"), function)
    return AdvantageEstimator([WeightedReward(n, 2.0, b, two) for n, b in baselines.items()], gamma, samples)


def test_greedy_and_none():
    judged = estimator(r="greedy").estimate(reports("abc"), reports("gga"), reports("rrr"))
    # 2 * (sum of sampled - sum of greedy)
    np.testing.assert_allclose(judged.advantage, [2 * 0.5, 2 * 0.5, 2 * (0.25 - 1.0)])
    assert judged.numbers["r"] == pytest.approx((1 + 1 + 0.25) / 3)
    assert judged.numbers["r/x"] == pytest.approx(0.5)
    assert judged.numbers["r_greedy/y"] == pytest.approx(0.0)
    assert estimator(r="none").estimate(reports("abc"), None, reports("rrr")).advantage == pytest.approx(
        [2, 2, 0.5]
    )


def test_several_samples_share_the_greedy_report_of_their_image():
    judged = estimator(2, r="greedy").estimate(reports("abca"), reports("ga"), reports("rr"))
    np.testing.assert_allclose(judged.advantage, [1.0, 1.0, 2 * (0.25 - 1), 0.0])


def test_leave_one_out():
    rewards = np.array([[1.0], [2.0], [6.0], [0.0], [3.0], [3.0]])
    assert others_mean(rewards, 3)[:, 0].tolist() == [4.0, 3.5, 1.5, 3.0, 1.5, 1.5]
    judged = estimator(2, r="leave_one_out").estimate(reports("acbb"), None, reports("rr"))
    np.testing.assert_allclose(judged.advantage, [2 * 0.75, -2 * 0.75, 0.0, 0.0])


def test_the_moving_average_is_kept_per_term_and_starts_at_the_first_steps_mean():
    one = estimator(r="moving_average")
    first = one.estimate(reports("ac"), None, reports("rr"))
    # means 0.5 and 0.125
    np.testing.assert_allclose(first.advantage, [2 * (0.5 - 0.125), 2 * (-0.5 + 0.125)])
    averages = one.update(first.numbers)
    assert averages == pytest.approx({"r_average": 0.625, "r_average/x": 0.5, "r_average/y": 0.125})
    second = one.estimate(reports("bb"), None, reports("rr"))
    np.testing.assert_allclose(second.advantage, [2 * 0.375] * 2)
    assert one.update(second.numbers)["r_average/y"] == pytest.approx(0.5 * 0.125 + 0.5 * 0.5)


def test_judging_alone_changes_nothing_and_the_state_travels_as_json():
    one, other = estimator(r="moving_average"), estimator(r="moving_average")
    one.update({"r": 1.0, "r/x": 0.6, "r/y": 0.4})
    before = json.dumps(one.state_dict())
    one.estimate(reports("abc"), None, reports("rrr"))
    assert json.dumps(one.state_dict()) == before
    other.load_state_dict(json.loads(before))
    asked = reports("ab"), None, reports("rr")
    np.testing.assert_array_equal(other.estimate(*asked).advantage, one.estimate(*asked).advantage)


def test_rewards_add_up_by_weight_each_with_its_own_baseline():
    judged = estimator(r="greedy", s="none").estimate(reports("c"), reports("a"), reports("r"))
    np.testing.assert_allclose(judged.advantage, [2 * (0.25 - 1) + 2 * 0.25])
    assert estimator(r="greedy").needs_greedy
    assert not estimator(r="leave_one_out").needs_greedy


def test_rewards_whose_numbers_would_have_one_name_are_refused():
    with pytest.raises(ValueError, match="'r' and 'r_greedy' would both log a number 'r_greedy"):
        estimator(r="greedy", r_greedy="none")


def test_groups_by_hand_and_against_leave_one_out():
    rewards = np.array([1.0, 2.0, 6.0, 3.0, 3.0, 3.0])
    apart = group_advantage(rewards, 3, "none")
    assert apart.tolist() == [-2.0, -1.0, 3.0, 0.0, 0.0, 0.0]
    # RLOO: k / (k - 1) (R - mean)
    np.testing.assert_allclose(1.5 * apart, rewards - others_mean(rewards[:, None], 3)[:, 0])
    std = (14 / 3) ** 0.5
    scaled = group_advantage(rewards, 3, "std")
    np.testing.assert_allclose(scaled[:3], np.array([-2.0, -1.0, 3.0]) / (std + 1e-4))
    assert not scaled[3:].any()
    assert without_spread(rewards, 3).mean() == 0.5


def test_group_rewards_are_weighed_before_they_are_scaled_and_others_keep_their_baseline():
    # Sums of terms: a 1, c 0.25; two group rewards of weight 2: 4 and 1, mean 2.5, deviation 1.5.
    judged = estimator(2, r="group", s="group", t="none").estimate(reports("acbb"), None, reports("rr"))
    one = 1.5 / 1.5001
    np.testing.assert_allclose(judged.advantage, [one + 2, -one + 0.5, 2.0, 2.0])
    # six per unit of reward over all: 6, 1.5, 6, 6
    assert judged.numbers["reward_std"] == pytest.approx(np.std([6, 1.5, 6, 6]))
    assert judged.numbers["groups_without_spread"] == 0.5
    single = estimator(r="none").estimate(reports("ab"), None, reports("rr"))
    assert "groups_without_spread" not in single.numbers
