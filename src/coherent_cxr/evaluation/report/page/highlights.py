"""A report cut into stretches that the page colours by observation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from coherent_cxr.chexpert import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN, CheXpertLabeler, Mention

STATUS_CLASSES = {POSITIVE: "positive", UNCERTAIN: "uncertain", NEGATIVE: "negative"}


class Stretch(NamedTuple):
    """A stretch of text.

    Attributes:
        text: Its characters.
        style: Style classes: the observation's colour and the status; empty outside any mention.
        note: Observation and status in words.
    """

    text: str
    style: str = ""
    note: str = ""


def highlight(labeler: CheXpertLabeler, text: str) -> list[Stretch]:
    """Cut a report at the edges of its mentions; the stretches joined give the report again.

    A mention is shown with the whole of the words it touches. Where mentions overlap, a positive one is shown
    before an uncertain and that before a negative one.
    """
    mentions = [(*_whole_words(text, m.start, m.end), m) for m in labeler.explain(text)]
    edges = sorted({0, len(text)} | {edge for start, end, _ in mentions for edge in (start, end)})
    stretches = [
        _stretch(text[a:b], [m for start, end, m in mentions if start <= a and end >= b])
        for a, b in pairwise(edges)
    ]
    return [
        Stretch("".join(s.text for s in alike), *kind)
        for kind, alike in groupby(stretches, key=lambda s: (s.style, s.note))
    ]


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    while start > 0 and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum():
        end += 1
    return start, end


def _stretch(text: str, mentions: Sequence[Mention]) -> Stretch:
    for status, name in STATUS_CLASSES.items():
        for mention in mentions:
            if mention.status == status:
                colour = f"o{OBSERVATIONS.index(mention.observation)}"
                what = "other finding" if mention.observation == "No Finding" else mention.observation
                return Stretch(text, f"{colour} {name}", f"{what}: {name}")
    return Stretch(text)
