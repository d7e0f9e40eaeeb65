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
_WORDS: Final = (
    "adm ala ariz aug ave bros calif chg cie co col colo conn corp cos ct dec dr feb fla fri ft ga gen ill "
    "inc jan jr kan ky lt ltd maj messrs mg mich minn mr mrs ms nev nov oct ok okla ore pa prof rep reps sen "
    "sep sept sr st sw tenn tues va vs vt wash wed wis yr c d e f g h k l m n p r s t v w"
)
_ABBREVIATIONS: Final = frozenset(f"{word}." for word in _WORDS.split())
"""The abbreviations of the English model that can occur in cleaned text."""


def split_sentences(text: str) -> list[str]:
    """Split cleaned text into sentences.

    Args:
        text: Output of :func:`coherent_cxr.chexpert.engine.cleaning.clean_text`.

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
        if _goes_on(piece, following):
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


def _goes_on(piece: str, following: str) -> bool:
    """Whether the last mark of a piece is no sentence end, given the text after it."""
    before_mark = piece[-2:-1]
    if piece[-1:] != "." or not before_mark:
        return False
    last = piece[piece.rfind(" ") + 1 :].lstrip(_OPENING)
    if last[last.rfind("-") + 1 :] in _ABBREVIATIONS:
        return True
    words_follow = following[:1].isalpha() or following[:1] in _MARKS
    if len(last) == 2 and before_mark.isalpha():
        return words_follow
    return before_mark.isdigit() and words_follow and _NUMBER.fullmatch(last) is not None
