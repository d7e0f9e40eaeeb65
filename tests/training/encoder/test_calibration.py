from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from coherent_cxr.training.encoder.calibration import SLOPES, Calibration, calibrate


def test_a_prevalence_of_one_half_of_two_opposite_logits_needs_no_intercept() -> None:
    logits = np.array([[2.0], [-2.0]])
    found = calibrate(logits, np.array([[True], [False]]), np.array([0.5]))
    assert found.intercepts == pytest.approx([0.0], abs=1e-9)
    assert found.slopes == [SLOPES.max()], "the surer the better, where the encoder is always right"
    # one constant logit: the mean probability is its own
    flat = calibrate(np.full((3, 1), 1.5), np.zeros((3, 1), dtype=bool), np.array([0.2]))
    assert flat.probabilities(np.array([[1.5]])) == pytest.approx(0.2)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 0.99))
def test_the_mean_probability_is_the_training_prevalence(seed: int, share: float) -> None:
    dice = np.random.default_rng(seed)
    logits = dice.normal(scale=3, size=(40, 2))
    found = calibrate(logits, dice.random((40, 2)) < share, np.array([share, 1 - share]))
    assert found.probabilities(logits).mean(axis=0) == pytest.approx([share, 1 - share], abs=1e-6)


def test_an_encoder_that_is_twice_too_sure_is_brought_back() -> None:
    dice = np.random.default_rng(0)
    right = dice.normal(size=(4000, 3))
    truth = dice.random(right.shape) < expit(right)
    found = calibrate(2 * right + 1, truth, expit(right).mean(axis=0))
    assert found.slopes == pytest.approx([0.5] * 3, rel=0.15)
    np.testing.assert_allclose(found.probabilities(2 * right + 1), expit(right), atol=0.05)


def test_a_label_that_never_or_always_occurs_has_probability_zero_or_one() -> None:
    logits = np.array([[0.5, -0.5, 1.0], [1.0, 2.0, -1.0]])
    truth = np.array([[False, True, True], [False, True, False]])
    found = calibrate(logits, truth, np.array([0.0, 1.0, 0.5]))
    assert found.probabilities(logits)[:, :2].tolist() == [[0, 1], [0, 1]]
    assert np.isfinite(logit(found.probabilities(logits)[:, 2])).all()


def test_a_label_with_many_positives_finds_its_own_slope_and_a_rare_one_takes_the_common_one() -> None:
    dice = np.random.default_rng(1)
    right = dice.normal(size=(3000, 4))
    truth = dice.random(right.shape) < expit(right)
    # the first label's logits are twice too sure; the last label has two positives, which say nothing
    rare = np.zeros(3000, dtype=bool)
    rare[:2] = True
    logits = right * [2, 1, 1, 1]
    truth[:, 3] = rare
    found = calibrate(logits, truth, np.array([0.5, 0.5, 0.5, 2 / 3000]))
    assert found.slopes[:3] == pytest.approx([0.5, 1.0, 1.0], rel=0.15)
    assert 0.5 < found.slopes[3] < 1.5
    alone = calibrate(logits[:, 3:], truth[:, 3:], np.array([2 / 3000]))
    assert abs(np.log(found.slopes[3])) < abs(np.log(alone.slopes[0]))


def test_the_logit_of_a_probability_has_that_probability() -> None:
    found = Calibration(np.array([0.5, 2.0]), np.array([-1.0, 3.0]))
    wanted = np.array([0.2, 0.9])
    assert found.probabilities(found.logits(wanted)) == pytest.approx(wanted)
