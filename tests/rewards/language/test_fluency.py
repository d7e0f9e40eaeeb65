from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.rewards import length, repetition


def test_repetition_by_hand():
    texts = ["a b c d", "a b c a b c", "a b", "", "the the the the"]
    # trigrams: all two different; abc bca cab abc: one of four again; none; none; one of two again
    np.testing.assert_allclose(repetition(texts), [0, -1 / 4, 0, 0, -1 / 2])
    assert repetition(["a a b"], order=1) == pytest.approx(-1 / 3)


def test_length_by_hand():
    np.testing.assert_allclose(
        length(["a b", "a", "", "a b c d e f g", "a"], ["a b", "a b", "a b", "a b", ""]),
        [0, -0.5, -1, -1, -1],
    )


@given(st.lists(st.text("ab .", max_size=30), max_size=5))
def test_penalties_stay_in_their_range_and_a_report_is_as_long_as_itself(texts):
    penalties = repetition(texts)
    assert ((penalties > -1) & (penalties <= 0)).all()
    assert not length(texts, texts).any()
