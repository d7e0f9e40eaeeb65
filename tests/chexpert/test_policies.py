"""Policies for uncertain and blank labels."""

import pandas as pd
import pytest

from coherent_cxr.chexpert import BlankPolicy, UncertainPolicy, apply_policies

LABELS = pd.DataFrame({"Edema": [1, 0, -1, None]}, dtype="Int8")


@pytest.mark.parametrize(
    ("uncertain", "blank", "binary"),
    [
        (UncertainPolicy.AS_NEGATIVE, BlankPolicy.AS_NEGATIVE, [1, 0, 0, 0]),
        (UncertainPolicy.AS_POSITIVE, BlankPolicy.AS_NEGATIVE, [1, 0, 1, 0]),
        (UncertainPolicy.IGNORE, BlankPolicy.AS_NEGATIVE, [1, 0, pd.NA, 0]),
        ("as_positive", "ignore", [1, 0, 1, pd.NA]),
        ("ignore", "ignore", [1, 0, pd.NA, pd.NA]),
    ],
)
def test_policies(uncertain: UncertainPolicy | str, blank: BlankPolicy | str, binary: list[int]) -> None:
    assert apply_policies(LABELS, uncertain, blank)["Edema"].tolist() == binary


def test_an_unknown_policy_is_named_with_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match=r"no UncertainPolicy 'zeros'; known are 'as_negative', 'as_positive'"
    ):
        apply_policies(LABELS, "zeros")
