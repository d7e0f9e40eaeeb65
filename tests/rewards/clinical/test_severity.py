"""Prices of missed and invented findings, by hand and in general."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.rewards import CiderD, Reports, Reward, RewardConfig, RewardContext

CONTEXT = RewardContext(CiderD(2, {}), np.full((4, 14), 2, dtype=np.int8))
TYPES = ["Edema", "Pneumothorax", "Fracture"]


def reward_of(**settings) -> Reward:
    config = RewardConfig(weight=1.0, settings=settings)
    config.checked("clinical_severity")
    return config.build("clinical_severity", CONTEXT).reward


def labelled(*rows: list[int]) -> Reports:
    codes = np.full((len(rows), 14), 2, dtype=np.int8)
    codes[:, [OBSERVATIONS.index(name) for name in TYPES]] = rows
    return Reports([str(row) for row in rows], codes)


def test_missed_and_invented_findings_cost_what_the_table_says():
    tables = {"missed": {"Pneumothorax": 5.0}, "invented": {"Fracture": 0.5}, "other": 2.0, "types": TYPES}
    found = reward_of(**tables)(
        labelled([2, 2, 2], [1, 1, 1], [-1, 0, 1], [1, 1, 2]), labelled(*[[1, 1, 2]] * 4)
    )
    expected = [
        [-2, -5, 0],  # nothing said
        [0, 0, -0.5],  # a fracture invented
        [-1, -5, -0.5],  # uncertain of the edema: half its price
        [0, 0, 0],
    ]
    np.testing.assert_allclose(found, expected)


def test_a_missed_pneumothorax_costs_more_than_a_missed_device_without_any_table():
    silent = labelled([2, 2, 2])
    reward = reward_of()
    one, other = (reward(silent, Reports(["r"], codes)).sum() for codes in (positive(8 + 1), positive(13)))
    assert OBSERVATIONS[9] == "Pneumothorax"
    assert OBSERVATIONS[13] == "Support Devices"
    assert (one, other) == (-4.0, -1.0)


def positive(column: int) -> np.ndarray:
    codes = np.full((1, 14), 2, dtype=np.int8)
    codes[0, column] = 1
    return codes


codes = st.lists(st.sampled_from([1, 0, -1, 2]), min_size=3, max_size=3)


@given(codes, codes, st.floats(0, 10), st.floats(0, 10))
def test_nothing_is_better_than_the_reference_and_swapping_sides_swaps_prices(one, other, missed, invented):
    def priced(missed: float, invented: float) -> Reward:
        tables = {
            kind: dict.fromkeys(TYPES, price) for kind, price in (("missed", missed), ("invented", invented))
        }
        return reward_of(types=TYPES, **tables)

    found = priced(missed, invented)(labelled(one), labelled(other))
    assert (found <= 0).all()
    assert not priced(missed, invented)(labelled(other), labelled(other)).any()
    np.testing.assert_allclose(found, priced(invented, missed)(labelled(other), labelled(one)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"missed": {"Pneumotorax": 4.0}}, "Pneumotorax"),
        ({"invented": {"Edema": -1.0}}, "invented.Edema' is -1.0"),
        ({"types": []}, "at least one observation"),
    ],
)
def test_impossible_tables_are_refused(settings, message):
    with pytest.raises(ConfigurationError, match=message):
        reward_of(**settings)
