"""Resamples of patients, intervals against SciPy's, p-values and their correction by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap

from coherent_cxr.evaluation.metrics.measures import Metric, mean_measure
from coherent_cxr.evaluation.statistics.bootstrap import (
    adjusted_p_value,
    centred,
    holm,
    paired_p_value,
    patient_weights,
    percentile_interval,
    standardised,
    weight_blocks,
)


def test_a_drawn_patient_brings_all_their_studies():
    patients = ["b", "a", "b", "c"]
    weights = patient_weights(patients, 500, 0)
    assert (weights[:, 0] == weights[:, 2]).all()
    of_patients = weights[:, [0, 1, 3]]
    assert (of_patients.sum(axis=1) == 3).all()
    assert of_patients.mean() == pytest.approx(1, abs=0.1)


def test_the_same_seed_draws_the_same():
    patients = [str(n) for n in range(9)]
    assert (patient_weights(patients, 50, 4) == patient_weights(patients, 50, 4)).all()
    assert (patient_weights(patients, 50, 4) != patient_weights(patients, 50, 5)).any()


def test_blocks_hold_few_weights_and_are_those_of_all_resamples():
    patients = [str(n // 2) for n in range(30)]
    blocks = list(weight_blocks(patients, 50, 4, most=7 * 30))
    assert [len(block) for block in blocks] == [7] * 7 + [1]
    assert (np.concatenate(blocks) == next(weight_blocks(patients, 50, 4))).all()
    assert [len(block) for block in weight_blocks(patients, 3, 4, most=1)] == [1, 1, 1]


def test_the_interval_of_a_mean_is_that_of_scipy():
    scores = np.random.default_rng(0).gamma(2, size=150)
    measure = mean_measure([Metric("score")], scores[:, None])
    ours = percentile_interval(measure.values(patient_weights(list(map(str, range(150))), 20_000, 1))[:, 0])
    theirs = bootstrap((scores,), np.mean, n_resamples=20_000, method="percentile", rng=2).confidence_interval
    # two Monte-Carlo estimates of the same quantiles
    assert ours.low == pytest.approx(theirs.low, abs=0.01)
    assert ours.high == pytest.approx(theirs.high, abs=0.01)


def test_twice_the_studies_of_the_same_patients_do_not_make_the_interval_narrower():
    scores = np.random.default_rng(0).normal(size=60)
    patients = [str(n) for n in range(60)]
    once = mean_measure([Metric("s")], scores[:, None]).values(patient_weights(patients, 2000, 0))
    twice = mean_measure([Metric("s")], np.repeat(scores, 2)[:, None]).values(
        patient_weights(np.repeat(patients, 2).tolist(), 2000, 0)
    )
    assert twice.std() == pytest.approx(once.std(), rel=0.05)


def test_p_values_by_hand():
    differences = np.array([[1.0, 1.0, 0.0], [1.0, -1.0, 0.0], [1.0, 1.0, 0.0]])
    # always above: (0 + 1) / 4 twice; one of three below: (1 + 1) / 4 twice; no difference: 1
    assert paired_p_value(differences).tolist() == [0.5, 1.0, 1.0]


def test_equal_systems_do_not_differ_and_far_ones_do():
    noise = np.random.default_rng(0).normal(size=(1000, 1))
    assert paired_p_value(noise - noise)[0] == 1
    assert paired_p_value(noise + 10)[0] == pytest.approx(2 / 1001)


def test_holm_by_hand():
    # sorted 0.01 * 3, 0.02 * 2, then never less than the one before
    assert holm(np.array([0.02, 0.01, 0.03])).tolist() == pytest.approx([0.04, 0.03, 0.04])
    assert holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]


def test_centred_values_have_the_measured_mean_and_the_same_spread():
    values = np.random.default_rng(0).normal(3, 2, (500, 1))
    moved = centred(values, np.array([7.0]))
    assert moved.mean() == pytest.approx(7)
    assert moved.std() == pytest.approx(values.std())


def test_the_adjustment_for_all_pairs_by_hand():
    # three resamples of two metrics; the spread of the first is sqrt(2/3), of the second 0
    size, deviations = standardised(np.array([[1.0, 2.0], [2.0, 2.0], [3.0, 2.0]]), np.array([2.0, 2.0]))
    assert size[0] == pytest.approx(2 / np.sqrt(2 / 3))
    assert np.isinf(size[1])
    assert deviations[:, 0] == pytest.approx(np.array([1, 0, 1]) / np.sqrt(2 / 3))
    largest = np.array([[3.0, 1.0], [1.0, 1.0], [2.5, 1.0]])
    assert adjusted_p_value(size, largest).tolist() == pytest.approx([3 / 4, 1 / 4])
    equal, none = standardised(np.zeros((3, 1)), np.zeros(1))
    assert (equal[0], none.max()) == (0, 0)


def test_among_equal_systems_the_best_hardly_ever_leads_significantly():
    # eight systems without any difference: the highest against the lowest looks significant in a plain test
    dice = np.random.default_rng(0)
    plain, adjusted, trials, patients = 0, 0, 60, 80
    for trial in range(trials):
        scores = dice.normal(size=(8, patients))
        weights = patient_weights([str(n) for n in range(patients)], 200, trial)
        resampled, measured = weights @ scores.T / patients, scores.mean(axis=1)
        best, worst = measured.argmax(), measured.argmin()
        largest = np.zeros((200, 1))
        for first in range(8):
            for second in range(first):
                pair = (resampled[:, first] - resampled[:, second])[:, None]
                largest = np.maximum(largest, standardised(pair, measured[[first]] - measured[[second]])[1])
        difference = (resampled[:, best] - resampled[:, worst])[:, None]
        size, _ = standardised(difference, measured[[best]] - measured[[worst]])
        plain += paired_p_value(difference)[0] < 0.05
        adjusted += adjusted_p_value(size, largest)[0] < 0.05
    assert plain > 0.3 * trials
    assert adjusted <= 0.15 * trials
