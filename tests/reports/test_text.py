"""Findings become sentences and tokens, and tokens readable text, the same way everywhere."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coherent_cxr.reports.text import clean_section, detokenize, has_words, metric_text, tokenize_findings


def tokens(text: str) -> list[list[str]]:
    return tokenize_findings(text).tokens


def test_sentences_and_tokens_of_an_ordinary_report():
    found = tokenize_findings("Heart size is normal. No effusion, pneumothorax or edema.")
    assert found.sentences == ["Heart size is normal.", "No effusion, pneumothorax or edema."]
    assert found.tokens == [
        ["heart", "size", "is", "normal"],
        ["no", "effusion", ",", "pneumothorax", "or", "edema"],
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Normal chest x-XXXX.", [["normal", "chest", "xxxx"]]),
        ("Discussed with ___ today.", [["discussed", "with", "xxxx", "today"]]),
        ("The XXXX XXXX are intact.", [["the", "xxxx", "xxxx", "are", "intact"]]),
        ("No evidence XXXX/XXXX.", [["no", "evidence", "xxxx", "/", "xxxx"]]),
    ],
)
def test_each_deidentification_mark_is_one_token(text, expected):
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Told to Dr. Smith by phone.", [["told", "to", "doctor", "smith", "by", "phone"]]),
        ("An a.p. view, e.g. portable.", [["an", "ap", "view", ",", "eg", "portable"]]),
        ("A nodule of 2.5 cm. Clear.", [["a", "nodule", "of", "2.5", "cm"], ["clear"]]),
        (
            "Seen at 5 p.m. The heart is normal.",
            [["seen", "at", "5", "pm"], ["the", "heart", "is", "normal"]],
        ),
        ("Ratio of 16.2/24.7. Coarse.", [["ratio", "of", "16.2", "/", "24.7"], ["coarse"]]),
    ],
)
def test_stops_of_abbreviations_and_decimals_end_no_sentence(text, expected):
    assert tokens(text) == expected


def test_list_numbers_are_dropped_and_other_numbers_kept():
    assert tokens("1. Heart normal. 2. Lungs clear. 3) No edema.") == [
        ["heart", "normal"],
        ["lungs", "clear"],
        ["no", "edema"],
    ]
    assert tokens("Fracture of right rib 4. The lungs are clear.") == [
        ["fracture", "of", "right", "rib", "4"],
        ["the", "lungs", "are", "clear"],
    ]


def test_missing_spaces_and_missing_stops_are_mended():
    assert tokens("Vascularity normal.Calcified granuloma") == [
        ["vascularity", "normal"],
        ["calcified", "granuloma"],
    ]
    assert tokens("There are no large pleural effusions No evidence of fracture.") == [
        ["there", "are", "no", "large", "pleural", "effusions"],
        ["no", "evidence", "of", "fracture"],
    ]
    assert tokens("The Heart size is normal.") == [["the", "heart", "size", "is", "normal"]]


def test_repeated_stops_and_markup_leave_no_trace():
    assert tokens("Clear.. Normal . . No edema") == [["clear"], ["normal"], ["no", "edema"]]
    assert tokens("The previously<BR>described &lt;deformity&gt; [is normal]") == [
        ["the", "previously", "described", "is", "normal"]
    ]
    assert clean_section("a\x00b\tc\r\n d\u200be") == "a b c d e"


def test_nothing_but_numbers_and_marks_gives_no_sentence():
    assert tokens("") == []
    assert tokens("1. 2. ... 3.5 , ;") == []


def test_tokens_become_readable_text():
    report = [
        ["the", "xxxx", "is", "normal", "(", "2.5", "cm", ")"],
        ["no", "mass", ",", "and", "/", "or", "scar"],
        [],
    ]
    assert detokenize(report) == "The XXXX is normal (2.5 cm). No mass, and/or scar."
    assert metric_text(report) == "the xxxx is normal ( 2.5 cm ) . no mass , and / or scar ."


@pytest.mark.parametrize(
    "text",
    [
        "No effusion\nRight opacity\nThe heart is large",
        "- No effusion\n- Right opacity\n- The heart is large",
        "1. No effusion\n2. right opacity\n3. the heart is large",
        "1) No effusion 2) Right opacity 3) The heart is large",
        "No effusion\r\n\r\nright opacity\r\n\r\nthe heart is large",
        "No effusion<br>Right opacity<br/>The heart\nis large.",
        "* No effusion.\n* Right\n  opacity.\n* The heart is large.",
        "&bull; No effusion&#10;&bull; Right opacity&#10;&bull; The heart is large",
    ],
)
def test_one_finding_a_line_has_the_tokens_of_the_same_report_as_prose(text):
    prose = tokens("No effusion. Right opacity. The heart is large.")
    assert tokenize_findings(text).tokens == prose
    assert tokenize_findings(clean_section(text)).tokens == prose


def test_wrapped_lines_are_joined_and_layout_is_kept_for_the_labels():
    assert clean_section("No effusion or\n  pneumothorax is seen.") == "No effusion or pneumothorax is seen."
    assert clean_section("No effusion\n  Right opacity") == "No effusion\n\nRight opacity"
    assert tokens("Edema? No.\nPneumothorax | none") == [["edema", ":", "no"], ["pneumothorax", "none"]]


@given(st.text(max_size=300))
@example("<\N{DINGBAT NEGATIVE CIRCLED DIGIT ONE}")
@example("Clear. \N{DINGBAT CIRCLED SANS-SERIF DIGIT TWO} Heart normal.")
def test_any_text_round_trips_through_its_tokens(text):
    first = tokens(text)
    assert tokens(detokenize(first)) == first


@given(
    st.lists(st.sampled_from(["Heart", "is", "1.", "2.5", "Dr.", "p.m.", "XXXX", ".", "No", "/", "(a)", ","]))
)
def test_text_of_awkward_pieces_round_trips(pieces):
    first = tokens(" ".join(pieces))
    assert tokens(detokenize(first)) == first


@given(
    st.lists(
        st.sampled_from(["<b>", "<", ">", "&lt;b&gt;", "&amp;", "a", "é", "7", "1) ", "- ", ".", "\n", "XXX"])
    )
)
def test_a_text_has_words_if_it_has_tokens(pieces):
    text = "".join(pieces)
    assert has_words(text) == bool(tokenize_findings(text).tokens)


@given(st.text(max_size=100))
def test_any_text_has_words_if_it_has_tokens(text):
    assert has_words(text) == bool(tokenize_findings(text).tokens)


@given(st.text(max_size=300))
def test_sentences_and_tokens_are_in_step_and_no_token_holds_a_blank(text):
    found = tokenize_findings(text)
    assert len(found.sentences) == len(found.tokens)
    assert all(word and word == word.strip() and " " not in word for s in found.tokens for word in s)


@pytest.mark.slow
def test_every_real_report_round_trips(openi):
    findings = openi.studies["findings"].dropna()
    assert len(findings) == 3425
    found = [tokens(text) for text in findings]
    assert all(found)
    again = [tokens(detokenize(report)) for report in found]
    assert again == found
    words = sum(len([w for w in s if w[0].isalnum()]) for report in found for s in report)
    assert words / len(found) == pytest.approx(31.6, abs=0.2)  # the corpus' published mean length


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("No se observan nódulos ni cardiomegalia.", "no se observan nódulos ni cardiomegalia"),
        (
            "Corazo\u0301n de taman\u0303o normal.",
            "corazón de tamaño normal",
        ),  # accents as marks of their own
        ("ÍNDICE CARDIOTORÁCICO 0,5.", "índice cardiotorácico 0 , 5"),
        ("¿Neumonía?", "neumonía"),
        ("Röntgenbild: Erguß größer.", "röntgenbild : erguß größer"),
        ("e\u0301\u0300\u0302\u0303\u0304dema.", "édema"),  # a pile of accents is one
    ],
)
def test_letters_keep_their_accents(text, tokens):
    found = tokenize_findings(text)
    assert found.tokens == [tokens.split()]
    assert tokenize_findings(detokenize(found.tokens)).tokens == found.tokens


def test_a_missing_space_after_an_accented_word_is_mended():
    assert len(tokenize_findings("Silueta de tamaño normál.Índice normal.").sentences) == 2
