"""Ids of two tables in one spelling: where it is safe, and nowhere else."""

from __future__ import annotations

import pandas as pd
import pytest

from coherent_cxr.inputs.tables.study_ids import clean_ids, likely_cause, match_ids


def test_blanks_and_floats_go_from_whole_columns_only():
    assert clean_ids(pd.Series([" S1", "S2 ", None], dtype="str")).fillna("-").tolist() == ["S1", "S2", "-"]
    assert clean_ids(pd.Series(["50000000.0", "50000001.0", None], dtype="str"))[:2].tolist() == [
        "50000000",
        "50000001",
    ]
    for kept in (["1.0", "1.1"], ["1.0", "1"]):
        assert clean_ids(pd.Series(kept, dtype="str")).tolist() == kept
    assert clean_ids(pd.Series(["1.0", "2"], dtype="str")).tolist() == ["1", "2"]
    assert clean_ids(pd.Series(["\ufeff1", "2\u200b\xa0"], dtype="str")).tolist() == ["1", "2"]


@pytest.mark.parametrize(
    ("first", "second", "spelling", "plain"),
    [
        (["s50", "s51"], ["50", "51"], "leading 's'", {"50", "51"}),
        (["50", "51"], ["S50", "S51", "S52"], "leading 's'", {"50", "51"}),
        (["CXR1_IM-0001", "CXR2_IM-0652"], ["CXR2", "CXR1"], "Open-I", {"CXR1", "CXR2"}),
        (["a.png", "b.png"], ["a", "b"], "image ending", {"a", "b"}),
        (["007", "008"], ["7", "8"], "leading zeros", {"7", "8"}),
        (["cxr1"], ["CXR1"], "capitals", {"cxr1"}),
    ],
)
def test_other_spellings_are_matched_where_all_then_match(first, second, spelling, plain):
    found = match_ids(first, second)
    assert spelling in found.spelling
    assert set(map(found.plain, first)) == plain
    assert plain <= set(map(found.plain, second))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["S1", "S2"], ["S1", "2"]),  # they share an id, so the spelling is the same
        (["s50", "50"], ["51", "50"]),
        (["s50", "S50"], ["50"]),  # two would become one
        (["s50", "s60"], ["50", "70"]),  # half of them match: may be chance
        (["CXR1_IM-1", "CXR1_IM-2"], ["CXR1"]),
        ([], ["1"]),
    ],
)
def test_ids_are_left_alone_where_it_would_be_a_guess(first, second):
    found = match_ids(first, second)
    assert found.spelling == ""
    assert [found.plain(text) for text in first] == list(first)


def test_the_likely_cause_is_named():
    assert "rounded by a spreadsheet" in likely_cause(["5.0E+07"], ["50000000"])
    assert "numbers its studies" in likely_cause(["1", "2"], ["a", "b"])
    assert "are both ids of studies" in likely_cause(["50", "51"], ["10000", "10001"])
    assert likely_cause(["50", "510"], ["51", "52"]) == ""
