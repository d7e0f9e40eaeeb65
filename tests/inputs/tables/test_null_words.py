"""One list of words for nothing."""

import numpy as np
import pandas as pd
import pytest

from coherent_cxr.inputs.tables.null_words import is_null


@pytest.mark.parametrize(
    "value",
    [
        *(None, np.nan, pd.NA, pd.NaT, "", "  ", "nan", "NaN", "None", "none.", "NULL", "N/A", "<NA>", "--"),
        *("Unknown", "unknown.", "(empty)", "[no report]", "Not recorded", "#N/A", "undefined"),
    ],
)
def test_what_stands_where_nothing_stands_is_null(value: object) -> None:
    assert is_null(value)


@pytest.mark.parametrize(
    "value",
    ["Pneumothorax: none.", "No effusion.", "No findings.", "Unknown line.", 0, 12.5, "None of it is new."],
)
def test_text_and_numbers_are_not_null(value: object) -> None:
    assert not is_null(value)
