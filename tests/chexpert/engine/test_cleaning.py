"""Cleaning and sentence splitting: the original's order, its side effects, and the way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.chexpert.engine.cleaning import clean_text, clean_text_with_offsets
from coherent_cxr.chexpert.engine.sentences import split_sentences
from coherent_cxr.chexpert.rules.language_file import english

REPORT_LIKE = st.text(st.sampled_from("aBi.,/ \n\t-5?!\"'()ßİK\u200b\x00…é") | st.characters(), max_size=80)


@pytest.mark.parametrize(
    ("given_text", "cleaned"),
    [
        ("PA and/or Lateral", "pa or lateral"),
        ("edema/effusion, 1/2 full", "edema or effusion, 1/2 full"),
        ("No change..", "no change."),
        ("A 1.5 cm nodule", "a 1. 5 cm nodule"),
        ("clear.No effusion,no edema", "clear. no effusion, no edema"),
        ("  one \n two\t three ", "one two three"),
        ("end . . next", "end . next"),
        ("café µm\x07 ok", "caf m ok"),
        ("", ""),
    ],
)
def test_cleaning_follows_the_original(given_text: str, cleaned: str) -> None:
    assert clean_text(given_text, english()) == cleaned


@given(REPORT_LIKE)
def test_offsets_lead_back_to_the_given_text(text: str) -> None:
    cleaned = clean_text_with_offsets(text, english())
    assert cleaned.text == clean_text(text, english())
    assert len(cleaned.offsets) == len(cleaned.text)
    assert cleaned.offsets == sorted(cleaned.offsets)
    for character, offset in zip(cleaned.text, cleaned.offsets, strict=True):
        assert character in text[offset].lower() or character in " or."


def test_span_covers_the_words_as_given() -> None:
    text = "LEFT  Pleural/Lateral EFFUSION.."
    cleaned = clean_text_with_offsets(text, english())
    begin = cleaned.text.index("effusion")
    assert text[slice(*cleaned.span(begin, begin + len("effusion")))] == "EFFUSION"


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("no effusion. the heart is normal.", ["no effusion.", "the heart is normal."]),
        ("1. no effusion. 2. clear lungs.", ["1. no effusion.", "2. clear lungs."]),
        ("a 1. 5 cm nodule.", ["a 1.", "5 cm nodule."]),
        ("discussed with dr. smith at 5 p. m. today.", ["discussed with dr. smith at 5 p. m. today."]),
        ("effusion? possibly.", ["effusion?", "possibly."]),
        ('(see "prior exam. ") no change', ['(see "prior exam. ")', "no change"]),
        ("fracture of t12. no effusion", ["fracture of t12.", "no effusion"]),
        ('("a. ") no mass. edema', ['("a. ")', "no mass.", "edema"]),
        ("seen on ct. no mass. 5 mg. given", ["seen on ct. no mass.", "5 mg. given"]),
        ("level ii. a (b. below 2. , mild", ["level ii.", "a (b. below 2. , mild"]),
        ("post-ct. no mass etc. edema", ["post-ct. no mass etc.", "edema"]),
        ("", []),
    ],
)
def test_sentences_end_where_punkt_ends_them(text: str, sentences: list[str]) -> None:
    assert split_sentences(text, english().abbreviations) == sentences


@given(REPORT_LIKE)
def test_sentences_joined_are_the_text(text: str) -> None:
    cleaned = clean_text(text, english())
    assert " ".join(split_sentences(cleaned, english().abbreviations)) == cleaned
