"""Ids of studies as tables spell them, brought to one spelling where that is safe."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import NamedTuple

import pandas as pd

_FLOAT = re.compile(r"\d+(\.0+)?")
_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060"
_SCIENTIFIC = re.compile(r"\d(\.\d+)?[eE]\+?\d+")


class Spelling(NamedTuple):
    """One way in which two tables spell the same ids differently.

    Attributes:
        name: In words.
        ids: What an id of this spelling looks like.
        plain: Takes the addition away.
    """

    name: str
    ids: re.Pattern[str]
    plain: Callable[[str], str]


SPELLINGS = (
    Spelling("MIMIC-CXR's leading 's'", re.compile(r"[sS]\d+"), lambda text: text[1:]),
    Spelling(
        "an image ending such as '.png'",
        re.compile(r".+\.(png|jpe?g|dcm|txt)", re.IGNORECASE),
        lambda text: text[: text.rindex(".")],
    ),
    Spelling("Open-I's image part '_IM-…'", re.compile(r"CXR\d+_.+"), lambda text: text[: text.index("_")]),
    Spelling("leading zeros", re.compile(r"\d+"), lambda text: text.lstrip("0") or "0"),
    Spelling("capitals", re.compile(r".+", re.DOTALL), str.casefold),
)
"""Spellings that are taken for the same where both sides then match; the first that does it is used."""


def clean_ids(ids: pd.Series) -> pd.Series:
    """Strip blanks, and mend whole columns of ids that went through a float ("50000000.0").

    Args:
        ids: Ids as text; missing where there is none.

    Returns:
        The same rows; an id is never fixed alone, so "1.0" beside "1.1" or beside "1" stays.
    """
    stripped = ids.str.strip().str.strip(_INVISIBLE).str.strip()
    known = stripped.dropna()
    if len(known) and known.map(lambda text: bool(_FLOAT.fullmatch(text))).all():
        whole_numbers = stripped.str.partition(".")[0]
        return whole_numbers if whole_numbers.nunique() == stripped.nunique() else stripped
    return stripped


def rounded(study: str) -> str:
    """Return why an id like "5.0E+07" names no study, as a sentence, or an empty text for any other."""
    if not _SCIENTIFIC.fullmatch(study):
        return ""
    return "Ids like '5.0E+07' were rounded by a spreadsheet, so write the file again as text."


class Match(NamedTuple):
    """How two sets of ids become one spelling.

    Attributes:
        plain: Applied to every id of both sides.
        spelling: What it takes away, in words; empty if nothing.
    """

    plain: Callable[[str], str]
    spelling: str = ""


def match_ids(first: Collection[str], second: Collection[str]) -> Match:
    """Find the spelling under which two sides name the same studies.

    Args:
        first: Ids of one side, each once.
        second: Ids of the other side, each once.

    Returns:
        The identity where they share an id already or no known spelling helps; else the first of
        :data:`SPELLINGS` under which more than half of the smaller side's ids are on the other side, and no
        two become one.
    """
    a, b = set(first), set(second)
    if a & b or not a or not b:
        return Match(str)
    for spelling in SPELLINGS:

        def plain(text: str, spelling: Spelling = spelling) -> str:
            return spelling.plain(text) if spelling.ids.fullmatch(text) else text

        plain_a, plain_b = {plain(text) for text in a}, {plain(text) for text in b}
        unique = len(plain_a) == len(a) and len(plain_b) == len(b)
        if unique and 2 * len(plain_a & plain_b) > min(len(a), len(b)):
            return Match(plain, spelling.name)
    return Match(str)


def likely_cause(first: Collection[str], second: Collection[str]) -> str:
    """Return why two sides share too few ids, as a sentence, or an empty text where nothing is known."""
    for side in (first, second):
        if cause := next(filter(None, map(rounded, side)), ""):
            return cause
    if all(text.isdigit() for text in first) != all(text.isdigit() for text in second):
        return "One side numbers its studies, the other names them."
    lengths = [{len(text) for text in side} for side in (first, second)]
    if all(len(own) == 1 for own in lengths) and lengths[0] != lengths[1]:
        a, b = lengths[0].pop(), lengths[1].pop()
        return f"The ids of one side have {a} characters, those of the other {b}: are both ids of studies?"
    return ""
