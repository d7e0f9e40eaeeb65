"""Signed label rewards by hand: silence and denials earn nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.rewards.clinical.signed import signed_ccr

POSITIVE, NEGATIVE, UNCERTAIN, ABSENT = 1, 0, -1, 2
CODES = [POSITIVE, NEGATIVE, UNCERTAIN, ABSENT]


@pytest.mark.parametrize(
    ("called", "rewards"),
    [  # against a positive, negative, uncertain and absent label of the reference
        (POSITIVE, [1, -1, 1, -1]),
        (NEGATIVE, [-1, 0, -1, 0]),
        (UNCERTAIN, [1, -1, 1, -1]),
        (ABSENT, [0, 0, 0, 0]),
    ],
)
def test_every_pair_of_labels(called, rewards):
    assert signed_ccr([[called] * 4], [CODES]).tolist() == [rewards]


def test_the_price_of_a_wrong_label_and_of_a_near_one_can_be_set():
    found = signed_ccr(
        [[POSITIVE, UNCERTAIN, POSITIVE, NEGATIVE]], [[UNCERTAIN, UNCERTAIN, ABSENT, POSITIVE]], 0.25, 3
    )
    assert found.tolist() == [[0.25, 1.0, -3.0, -3.0]]


rows = st.lists(st.sampled_from(CODES), min_size=13, max_size=13)


@given(rows, rows)
def test_nothing_beats_the_reference_and_silence_is_worth_zero(written, wanted):
    own = signed_ccr([wanted], [wanted]).sum()
    assert own == sum(code in (POSITIVE, UNCERTAIN) for code in wanted)
    assert signed_ccr([written], [wanted]).sum() <= own
    assert signed_ccr([[ABSENT] * 13], [wanted]).sum() == 0
    denied = signed_ccr([[NEGATIVE] * 13], [wanted]).sum()
    assert denied == -own


def test_a_call_pays_from_one_half_on_or_from_its_price():
    wanted = np.array([[POSITIVE]] * 3 + [[ABSENT]] * 2)
    assert signed_ccr(np.full((5, 1), POSITIVE), wanted).mean() > 0
    assert signed_ccr(np.full((5, 1), POSITIVE), wanted, wrong=2.0).mean() < 0
