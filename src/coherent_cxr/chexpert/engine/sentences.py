"""Sentence boundaries in cleaned text, as the English Punkt model finds them there.

After cleaning, every period is followed by a blank and no capital is left, so Punkt's decision (Kiss and
Strunk 2006) reduces to: a period, question or exclamation mark before a blank ends a sentence unless it
belongs to an abbreviation ("dr. smith", "seen on ct. no effusion"), or to a single letter or a number with
a word or mark after it ("a. m. today", "2. no effusion"); before a digit these two do end it ("1. 5 cm").
"""

import re
from typing import Final

_BREAK = re.compile(r"(?<=[.?!]) ")
_NUMBER = re.compile(r"-?[.,]?\d[\d,.-]*\.")
_CLOSING = re.compile(r"[\"')\]}]+(?: |$)")
_OPENING: Final = "\"'`([{"
_MARKS: Final = tuple(";:,.!?")


def split_sentences(text: str, abbreviations: frozenset[str]) -> list[str]:
    """Split cleaned text into sentences.

    Args:
        text: Output of :func:`coherent_cxr.chexpert.engine.cleaning.clean_text`.
        abbreviations: Words whose full stop ends no sentence, the stop included.

    Returns:
        The sentences, in order; joined by single blanks they give ``text`` again.
    """
    if not text:
        return []
    pieces = _BREAK.split(text)
    sentences: list[str] = []
    carried: list[str] = []
    for index in range(len(pieces) - 1):
        piece, following = pieces[index], pieces[index + 1]
        carried.append(piece)
        if _goes_on(piece, following, abbreviations):
            continue
        sentence, carried = " ".join(carried), []
        if following[:1] in "\"')]}" and (closing := _CLOSING.match(following)):
            sentences.append(f"{sentence} {closing.group().rstrip()}")
            pieces[index + 1] = following[closing.end() :]
        elif sentence:
            sentences.append(sentence)
    if last := " ".join([*carried, pieces[-1]]):
        sentences.append(last)
    return sentences


def _goes_on(piece: str, following: str, abbreviations: frozenset[str]) -> bool:
    """Whether the last mark of a piece is no sentence end, given the text after it."""
    before_mark = piece[-2:-1]
    if piece[-1:] != "." or not before_mark:
        return False
    last = piece[piece.rfind(" ") + 1 :].lstrip(_OPENING)
    if last[last.rfind("-") + 1 :] in abbreviations:
        return True
    words_follow = following[:1].isalpha() or following[:1] in _MARKS
    if len(last) == 2 and before_mark.isalpha():
        return words_follow
    return before_mark.isdigit() and words_follow and _NUMBER.fullmatch(last) is not None
