"""Highlights never cut words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.pages.spans import whole_words


@pytest.mark.parametrize(
    ("text", "part", "whole"),
    [
        ("subsegmental atelectasis", "segment", "subsegmental"),
        ("cardiomediastinal silhouette", "mediastin", "cardiomediastinal"),
        ("a left-sided effusion", "sided eff", "left-sided effusion"),
        ("the patient's heart", "patient", "patient's"),
        ("No (effusion).", "effusion", "effusion"),
        ("Überblähung", "blähung", "Überblähung"),
        ("dash - effusion", "effusion", "effusion"),
    ],
)
def test_a_stretch_grows_to_whole_words(text: str, part: str, whole: str) -> None:
    start = text.index(part)
    assert text[slice(*whole_words(text, start, start + len(part)))] == whole


@given(st.text(alphabet="ab -'.", max_size=20), st.integers(0, 20), st.integers(0, 20))
def test_growing_twice_changes_nothing_and_stays_inside(text: str, a: int, b: int) -> None:
    start, end = sorted((min(a, len(text)), min(b, len(text))))
    grown = whole_words(text, start, end)
    assert 0 <= grown[0] <= start <= end <= grown[1] <= len(text)
    assert whole_words(text, *grown) == grown
