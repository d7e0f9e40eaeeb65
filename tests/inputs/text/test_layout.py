"""Where the layout of a text ends a sentence, and where a line was only wrapped."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.inputs.text.layout import as_prose, blocks, is_plain, join_wrapped_lines

LINE_ENDS = ("\n", "\n\n", "\r\n", "\u2028", "<br>", "\n- ", "\n1. ", "\n| ", "• ")
WORDS = ("No effusion", "or", "the", "None", "Right", "PICC line", "EDEMA", "12 mm", "___", "Effusion: no")
MARKS = (" ", ". ", "?", "...", "–", "normal,")
PIECES = st.lists(st.sampled_from((*LINE_ENDS, *WORDS, *MARKS)), max_size=14).map("".join)


def parts(text: str) -> list[str]:
    return [" ".join(block.text.split()) for block in blocks(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No effusion\nRight opacity", ["No effusion", "Right opacity"]),
        ("No effusion\n\nright opacity", ["No effusion", "right opacity"]),
        ("- k\n* b\n• c\n– d\n· e\n1. f\n2) g", ["k", "b", "c", "d", "e", "f", "g"]),
        ("effusion: none\nedema: mild", ["effusion: none", "edema: mild"]),
        ("No effusion\r\nRight opacity\u2028Clear bones", ["No effusion", "Right opacity", "Clear bones"]),
        ("No effusion<br/>Right opacity", ["No effusion", "Right opacity"]),
        ("No effusion\\nRight opacity", ["No effusion", "Right opacity"]),
        ("NO EFFUSION\nCARDIOMEGALY", ["NO EFFUSION", "CARDIOMEGALY"]),
        ("No effusion\nPICC line in place", ["No effusion", "PICC line in place"]),
        ("No effusion\n12 mm nodule", ["No effusion", "12 mm nodule"]),
        ("- Edema: no\n- Effusion: small", ["Edema: no", "Effusion: small"]),
        ("- No effusion - Right opacity", ["No effusion", "Right opacity"]),
        ("• No effusion • Right opacity", ["No effusion", "Right opacity"]),
        ("1. No effusion 2. Right opacity", ["No effusion", "Right opacity"]),
        ("| Effusion | none |\n|---|---|\n| Edema | mild |", ["Effusion | none", "Edema | mild"]),
    ],
)
def test_layout_that_ends_a_sentence(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "No effusion or\npneumothorax is seen.",
        "No effusion,\nPneumothorax or edema.",
        "There is no evidence of\nPneumothorax.",
        "Discussed with Dr.\nSmith.",
        "THERE IS NO PLEURAL\nEFFUSION OR\nPNEUMOTHORAX.",
        "NO EFFUSION\nIS SEEN.",
        "A fracture of the right rib\n4. The lungs are clear.",
        "The tip of the line that comes from the right lies in the left\nPICC position.",
        "Effusion:\nnone",
        "Effusion\nNone",
        "No effusion or\n\npneumothorax is seen.",
        "The lungs are clear.\nThe heart is large.",
        "A nodule of\n- 5 mm",
        "Stable cardiomegaly - no effusion",
        "Fracture of rib 2. The lungs are clear.",
    ],
)
def test_a_wrapped_line_goes_on(text: str) -> None:
    assert len(blocks(text)) == 1


def test_wrapped_prose_is_one_block_at_any_width() -> None:
    text = (
        "There is no focal consolidation, pleural effusion or pneumothorax. the cardiac silhouette is "
        "enlarged and the mediastinal contours are within normal limits. a right internal jugular line ends "
        "in the upper vena cava."
    )
    for width in range(20, 100, 7):
        lines, line = [], ""
        for word in text.split():
            if len(line) + len(word) >= width:
                lines, line = [*lines, line], ""
            line = f"{line} {word}".strip()
        assert parts("\n".join([*lines, line])) == [text]


def test_items_of_a_denied_list_stay_with_the_denial() -> None:
    assert parts("No evidence of:\n- effusion\n- edema\n\n- Right opacity") == [
        "No evidence of: effusion, edema",
        "Right opacity",
    ]
    assert (
        as_prose("The following is seen:\n- effusion\n- edema") == "The following is seen: effusion. edema."
    )


def test_a_question_and_leaders_before_an_answer_are_a_colon() -> None:
    assert parts("Edema? No. Effusion ..... none") == ["Edema: No. Effusion : none"]
    assert parts("Edema? Possibly. Clear.. No edema") == ["Edema? Possibly. Clear.. No edema"]


@given(PIECES)
def test_blocks_are_the_text_character_for_character(text: str) -> None:
    end = 0
    for start, block in blocks(text):
        assert start >= end
        assert block.strip()
        end = start + len(block)
        assert end <= len(text)
        for given_one, read in zip(text[start:end], block, strict=True):
            assert given_one == read or read in " :,-"


@given(PIECES)
def test_joined_lines_mean_what_the_text_meant(text: str) -> None:
    joined = join_wrapped_lines(text)
    assert "\n" not in joined.replace("\n\n", "")
    assert parts(joined) == parts(text)
    assert join_wrapped_lines(joined) == joined


@given(PIECES | st.text(max_size=60))
def test_plain_text_is_its_own_block_and_prose(text: str) -> None:
    if is_plain(text):
        assert blocks(text) == [(0, text)]
    if len(blocks(text)) < 2:
        assert as_prose(text) == text
    else:
        assert len(blocks(as_prose(text))) <= len(blocks(text))
