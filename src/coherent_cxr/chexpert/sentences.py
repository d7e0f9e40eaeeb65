"""Sentence boundaries in cleaned text, as the English Punkt model finds them there.

After cleaning, every period is followed by a blank and no capital is left, so Punkt's decision (Kiss and
Strunk 2006) reduces to: a period, question or exclamation mark before a blank ends a sentence unless it
belongs to an abbreviation, or to a single letter or a number with a word after it ("dr. smith", "p. m.
today", "2. no effusion"); before a digit the latter two do end it ("1. 5 cm").
"""

import re
from typing import Final

_BREAK = re.compile(r"(?<=[.?!]) ")
_NUMBER = re.compile(r"-?[.,]?\d[\d,.-]*\.")
_CLOSING = re.compile(r"[\"')\]}]+(?: |$)")
_ABBREVIATIONS: Final = frozenset(
    f"{word}."
    for word in (
        *("dr", "mr", "mrs", "ms", "st", "vs", "jr", "sr", "prof", "inc", "co", "corp", "ltd", "etc"),
        *("jan", "feb", "aug", "sept", "oct", "nov", "dec", "lt", "col", "gen", "maj", "capt", "sen", "rep"),
    )
)


def split_sentences(text: str) -> list[str]:
    """Split cleaned text into sentences.

    Args:
        text: Output of :func:`coherent_cxr.chexpert.cleaning.clean_text`.

    Returns:
        The sentences, in order; joined by single blanks they give ``text`` again.
    """
    if not text:
        return []
    pieces = _BREAK.split(text)
    sentences: list[str] = []
    carried = ""
    for index, piece in enumerate(pieces[:-1]):
        following = pieces[index + 1]
        sentence = carried + piece
        carried = ""
        if _goes_on(sentence, following):
            carried = sentence + " "
        elif following[:1] in "\"')]}" and (closing := _CLOSING.match(following)):
            sentences.append(f"{sentence} {closing.group().rstrip()}")
            pieces[index + 1] = following[closing.end() :]
        elif sentence:
            sentences.append(sentence)
    if last := carried + pieces[-1]:
        sentences.append(last)
    return sentences


def _goes_on(sentence: str, following: str) -> bool:
    """Whether the sentence's last mark is no sentence end, given the text after it."""
    before_mark = sentence[-2:-1]
    if sentence[-1:] != "." or not before_mark:
        return False
    last = sentence[sentence.rfind(" ") + 1 :]
    if last in _ABBREVIATIONS:
        return True
    if len(last) == 2 and before_mark.isalpha():
        return following[:1].isalpha()
    return before_mark.isdigit() and following[:1].isalpha() and _NUMBER.fullmatch(last) is not None
