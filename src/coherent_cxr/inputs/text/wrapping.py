"""Whether a sentence goes on over a line end: wrapped prose, or one finding a line."""

from __future__ import annotations

import re

NARROWEST = 60
"""A line with room for the next word below this length was never wrapped."""

ANSWERS = (
    r"none|nil|nothing|absent|neg(?:ative)?|denied|excluded|ruled out|yes|positive"
    r"|not (?:seen|present|identified|detected|evident|visuali[sz]ed|visible|apparent|noted"
    r"|demonstrated|appreciated|observed)"
    r"|no (?:evidence|signs?|definite|significant|acute)(?=\W*(?:$|[.,;]))"
    r"|ausentes?|ningun[oa]|negativ[oa]|no se (?:observa|aprecia|identifica|visualiza|evidencia)n?"
)
"""What can stand for a whole finding behind its name ("Pneumothorax: none")."""

_OPEN_WORDS = (
    "a an and any are as at be been but by can cannot could demonstrate demonstrates demonstrating for from "
    "had has have in include includes including into is its may might nor of on or over per than that the "
    "their there these this those to under upon versus via vs was were which will with within without would"
)
_OPEN_END = re.compile(
    rf"(?:[,:/(&+]|[\w ](?<!: )-|\b(?:{'|'.join(_OPEN_WORDS.split())})|\b(?:dr|mr|mrs|ms|vs|approx)\."
    r"|\b(?:is|are|was|were|has|have|with|shows?|demonstrates?|reveals?) no)$",
    re.IGNORECASE,
)
# words that a noun must follow
_ATTRIBUTES = (
    "acute airspace basilar bibasilar bilateral bony cardiac cardiomediastinal focal interstitial large left "
    "lower mediastinal mid middle mild moderate new no osseous overt pleural pulmonary right severe "
    "significant small upper vascular"
)
_ATTRIBUTE_END = re.compile(
    rf"(?<!(?:on|to|in) the )(?<![:,.] )\b(?:{'|'.join(_ATTRIBUTES.split())})$", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"[.!?][\"')\]]*$")
_FIRST_WORD = re.compile(r"[\"'(\[ ]{0,4}([^\W_][\w-]{0,40})")
_HEADING = re.compile(r"[A-Za-z][A-Za-z /&(),-]{1,50}:")
_ANSWER_ALONE = re.compile(
    rf"(?:{ANSWERS}|no|present)(?: (?:seen|identified|noted|detected|present))?[.!]?", re.IGNORECASE
)
_STARTERS = frozenset(["HEART", "LUNG", "LUNGS", "NO", "THERE"])
_FOLLOWERS = frozenset([*_OPEN_WORDS.upper().split(), "IDENTIFIED", "NOTED", "PRESENT", "SEEN"])


def goes_on(before: str, line: str, width: int) -> bool:
    """Return whether the sentence of one line goes on in the next one, which no empty line separates.

    Args:
        before: The line before, or its end.
        line: The next line, without a list mark.
        width: Length at which the lines would have been wrapped, less the length of ``before``.

    Returns:
        True also where a full stop ends the sentence at the line's end: the layout then adds nothing.
    """
    tail = before[-40:]
    if _SENTENCE_END.search(tail) or is_open(before) or _ANSWER_ALONE.fullmatch(line):
        return True
    first = _FIRST_WORD.match(line)
    word = first[1] if first else ""
    if not word or word[0].islower():
        return _HEADING.match(line) is None
    if first and word.isdigit() and line[first.end() : first.end() + 1] in (".", ")"):
        return True  # "rib\n4. The lungs are clear": the numbers of lists are marks and not seen here
    wrapped = 1 + len(word) > width
    attribute = _ATTRIBUTE_END.search(tail) is not None
    if word == "A" or any(character.islower() for character in word):
        return wrapped and attribute and not word[0].isdigit()
    # an abbreviation, a number, or text without small letters: a capital says little
    if word in _FOLLOWERS:
        return True
    return word not in _STARTERS and (wrapped or attribute)


def is_open(line: str) -> bool:
    """Return whether a line ends in a comma, a colon, or a word that something must follow."""
    return _OPEN_END.search(line[-40:]) is not None


def starts_small(line: str) -> bool:
    """Return whether a line begins with a small letter."""
    first = _FIRST_WORD.match(line)
    return first is not None and first[1][0].islower()
