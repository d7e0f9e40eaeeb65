"""CCR and its relatives by hand, and their properties."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.rewards import (
    DEFAULT_TYPES,
    MovingAverage,
    ccr,
    label_codes,
    positive_table,
    rarity_weights,
    weighted_ccr,
)

POSITIVE, NEGATIVE, UNCERTAIN, ABSENT = 1, 0, -1, 2


@pytest.mark.parametrize(
    ("written", "wanted", "reward"),
    [
        (POSITIVE, POSITIVE, 1.0),
        (POSITIVE, NEGATIVE, 0.0),
        (POSITIVE, ABSENT, 0.0),
        (NEGATIVE, NEGATIVE, 1.0),
        (NEGATIVE, ABSENT, 1.0),  # both mean "not there"
        (ABSENT, ABSENT, 1.0),
        (UNCERTAIN, POSITIVE, 0.5),
        (UNCERTAIN, NEGATIVE, 0.5),
        (UNCERTAIN, UNCERTAIN, 0.5),  # 0.5 * 0.5 + 0.5 * 0.5
    ],
)
def test_equation_1(written, wanted, reward):
    assert ccr([[written]], [[wanted]]) == pytest.approx(reward)
    assert ccr([[wanted]], [[written]]) == pytest.approx(reward)


def test_beta_u_and_the_whole_table_can_be_set():
    assert ccr([[UNCERTAIN]], [[POSITIVE]], beta_u=0.7) == pytest.approx(0.7)
    assert ccr([[UNCERTAIN]], [[UNCERTAIN]], beta_u=0.7) == pytest.approx(0.7 * 0.7 + 0.3 * 0.3)
    table = positive_table(beta_u=0.4, positive=0.9, negative=0.1, absent=0.2)
    assert ccr([[ABSENT]], [[POSITIVE]], table=table) == pytest.approx(0.2 * 0.9 + 0.8 * 0.1)


codes = st.sampled_from([POSITIVE, NEGATIVE, UNCERTAIN, ABSENT])
batches = st.integers(1, 5).flatmap(
    lambda n: st.lists(st.lists(codes, min_size=13, max_size=13), min_size=n, max_size=n)
)


@given(st.tuples(batches, batches).filter(lambda pair: len(pair[0]) == len(pair[1])), st.floats(0, 1))
@pytest.mark.slow
def test_rewards_are_probabilities_and_agreeing_with_certainty_is_best(pair, beta_u):
    written, wanted = (np.array(side) for side in pair)
    rewards = ccr(written, wanted, beta_u)
    assert rewards.shape == (len(written), 13)
    assert ((rewards >= 0) & (rewards <= 1)).all()
    assert (ccr(wanted, wanted, beta_u) >= rewards - 1e-12)[wanted != UNCERTAIN].all()


def test_default_types_are_the_diseases_and_support_devices():
    assert len(DEFAULT_TYPES) == 13
    assert "No Finding" not in DEFAULT_TYPES
    assert set(DEFAULT_TYPES) < set(OBSERVATIONS)


def test_rare_positives_weigh_as_much_as_the_rest():
    # 1 positive of 5, 2 of 4 (uncertain is none), none at all
    training = np.array([[1, 1, 0], [0, 1, 2], [2, 0, 0], [-1, -1, 2], [0, 0, 0]])
    np.testing.assert_allclose(rarity_weights(training), [4.0, 1.5, 5.0])
    np.testing.assert_allclose(rarity_weights(training, max_weight=2.0), [2.0, 1.5, 2.0])
    np.testing.assert_allclose(rarity_weights(training, power=0.0), [1.0, 1.0, 1.0])
    np.testing.assert_allclose(rarity_weights(training, power=0.5), [2.0, 1.5**0.5, 5**0.5])


def test_weighted_ccr_pays_for_a_hit_by_its_weight_only():
    weights, table = np.array([4.0, 4.0, 4.0]), positive_table()
    rewards = weighted_ccr(
        [[POSITIVE, NEGATIVE, UNCERTAIN]], [[POSITIVE, NEGATIVE, POSITIVE]], weights, table
    )
    np.testing.assert_allclose(rewards, [[4.0, 1.0, 2.0]])
    silence = weighted_ccr([[ABSENT] * 3], [[POSITIVE, NEGATIVE, POSITIVE]], weights, table)
    np.testing.assert_allclose(silence, [[0.0, 1.0, 0.0]])


def test_silence_earns_no_more_than_assertion_on_a_rare_type():
    training = np.array([[POSITIVE]] * 5 + [[NEGATIVE]] * 95)
    weights, table = rarity_weights(training), positive_table()
    silent, loud = (
        weighted_ccr(np.full((100, 1), code), training, weights, table).mean() for code in (ABSENT, POSITIVE)
    )
    assert loud == pytest.approx(silent)
    plain = [ccr(np.full((100, 1), code), training).mean() for code in (ABSENT, POSITIVE)]
    assert plain[0] > 10 * plain[1]


def test_equation_2_by_hand():
    average = MovingAverage(2, 0.9)
    assert average.value.tolist() == [0.0, 0.0]
    average.update(np.array([[1.0, 0.0], [0.0, 0.0]]))
    np.testing.assert_allclose(average.value, [0.05, 0.0])
    average.update(np.array([[1.0, 1.0]]))
    np.testing.assert_allclose(average.value, [0.9 * 0.05 + 0.1, 0.1])


def test_an_average_can_start_elsewhere_and_travels_as_json():
    average = MovingAverage(1, 0.5)
    average.start(np.array([[0.8], [0.6]]))
    average.update(np.array([[0.1]]))
    assert average.value == pytest.approx([0.4])
    again = MovingAverage(1, 0.5)
    again.load_state_dict(average.state_dict())
    for one in (average, again):
        one.update(np.array([[1.0]]))
    assert again.value.tolist() == average.value.tolist()
    assert again.updates == 2


def test_the_value_cannot_be_changed_from_outside():
    average = MovingAverage(1, 0.5)
    average.value[0] = 7
    assert average.value.tolist() == [0.0]


def test_label_codes():
    frame = pd.DataFrame(
        {
            "Edema": pd.array([1, 0, -1, None], dtype="Int8"),
            "Fracture": [np.nan, 1.0, 0.0, -1.0],
            "study_id": list("abcd"),
        }
    )
    found = label_codes(frame, ["Fracture", "Edema"])
    assert found.dtype == np.int8
    assert found.tolist() == [[2, 1], [1, 0], [0, -1], [-1, 2]]
    assert label_codes(frame.iloc[:0], ["Edema"]).shape == (0, 1)
    with pytest.raises(ValueError, match="no column 'Edma'"):
        label_codes(frame, ["Edma"])
    with pytest.raises(ValueError, match="A label is 3"):
        label_codes(pd.DataFrame({"Edema": [3]}), ["Edema"])
