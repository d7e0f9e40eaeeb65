"""Contradictions, sides, marks and hanging sentences, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.chexpert.contradictions import sentence_spans, sides
from coherent_cxr.chexpert.rules.language_file import english
from coherent_cxr.chexpert.shown import shown_labeler
from coherent_cxr.evaluation.metrics.text_quality import (
    CONTRADICTIONS,
    HANGING,
    LATERALITY,
    MARKED,
    TextQuality,
    affirmed_sides,
    is_hanging,
)

LABELER = shown_labeler()


@pytest.mark.parametrize(
    ("sentence", "hangs"),
    [
        ("There is a nodule measuring approximately pneumothorax.", True),
        ("Granuloma measuring right upper lobe.", True),
        ("XXXX distal tip at the.", True),
        ("There is no evidence of", True),
        ("There is a nodule measuring approximately 8 mm.", False),
        ("A nodule measuring XXXX is seen.", False),
        ("It measures less than 5 mm.", False),
        ("No pneumothorax.", False),
        ("", False),
    ],
)
def test_hanging_sentences(sentence, hangs):
    assert is_hanging(sentence, english()) is hangs


def test_sides():
    assert sides("Left-sided port, bibasilar opacity", english()) == {"left", "right"}
    assert sides("Right upper lobe", english()) == {"right"}
    assert sides("The heart is enlarged", english()) == frozenset()
    text = "Small left pleural effusion. No right pneumothorax."
    assert affirmed_sides(LABELER.explain(text), text, english()) == {"Pleural Effusion": {"left"}}


def test_rates_by_hand():
    quality = TextQuality(LABELER)
    reports = [
        "Small left pleural effusion.",  # same side
        "Small left pleural effusion. XXXX is seen.",  # other side
        "Mild cardiomegaly. The heart is normal in size. A nodule at the.",  # one contradiction, hanging
        "The lungs are clear.",
    ]
    references = [
        "Left pleural effusion.",
        "Right pleural effusion.",
        "The lungs are clear.",
        "Left pleural effusion.",
    ]
    measure = quality.measure(reports * 3, references * 3)
    assert [m.name for m in measure.metrics] == [CONTRADICTIONS, MARKED, HANGING, LATERALITY]
    np.testing.assert_allclose(measure.values(np.ones((1, 12))), [[0.25, 0.25, 0.25, 0.5]])
    # a resample without the second study: its mark and its wrong side are gone
    without = np.array([[1.0, 0, 1, 1] * 3])
    np.testing.assert_allclose(measure.values(without), [[1 / 3, 0, 1 / 3, 1]])
    few = quality.measure(reports, references)
    assert LATERALITY not in [m.name for m in few.metrics]
    np.testing.assert_allclose(few.values(np.ones((1, 4))), [[0.25, 0.25, 0.25]])
    assert quality.rates(references) == {CONTRADICTIONS: 0, MARKED: 0, HANGING: 0}


@given(st.text(alphabet="ab. !?\n", max_size=40))
def test_sentences_cover_the_text(text):
    covered = "".join(text[a:b] for a, b in sentence_spans(text))
    assert "".join(covered.split()) == "".join(text.split())
