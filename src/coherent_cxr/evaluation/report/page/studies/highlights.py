"""A report cut into stretches that the page marks by status and by what the other report says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from types import MappingProxyType
from typing import NamedTuple

from coherent_cxr.chexpert import NEGATIVE, POSITIVE, UNCERTAIN, CheXpertLabeler, Mention
from coherent_cxr.pages.spans import whole_words

STATUS_CLASSES = {POSITIVE: "positive", UNCERTAIN: "uncertain", NEGATIVE: "negative"}
STATUS_WORDS = {POSITIVE: "affirmed", UNCERTAIN: "uncertain", NEGATIVE: "denied"}


class Stretch(NamedTuple):
    """A stretch of text.

    Attributes:
        text: Its characters.
        style: Style classes: how the observation compares with the other report, and the status; empty
            outside any mention.
        note: Observation, status and comparison in words.
    """

    text: str
    style: str = ""
    note: str = ""


def highlight(
    labeler: CheXpertLabeler, text: str, outcomes: Mapping[str, str] = MappingProxyType({})
) -> list[Stretch]:
    """Cut a report at the edges of its mentions; the stretches joined give the report again.

    A mention is shown with the whole of the words it touches. Where mentions overlap, a positive one is shown
    before an uncertain and that before a negative one.

    Args:
        labeler: Finds the mentions.
        text: The report.
        outcomes: By observation how its affirmation compares with the other report: ``found``, ``missed``,
            ``invented``.
    """
    mentions = [(*whole_words(text, m.start, m.end), m) for m in labeler.explain(text)]
    edges = sorted({0, len(text)} | {edge for start, end, _ in mentions for edge in (start, end)})
    stretches = [
        _stretch(text[a:b], [m for start, end, m in mentions if start <= a and end >= b], outcomes)
        for a, b in pairwise(edges)
    ]
    return [
        Stretch("".join(s.text for s in alike), *kind)
        for kind, alike in groupby(stretches, key=lambda s: (s.style, s.note))
    ]


def _stretch(text: str, mentions: Sequence[Mention], outcomes: Mapping[str, str]) -> Stretch:
    for status, name in STATUS_CLASSES.items():
        for mention in mentions:
            if mention.status == status:
                outcome = outcomes.get(mention.observation, "") if status == POSITIVE else ""
                what = "other finding" if mention.observation == "No Finding" else mention.observation
                note = f"{what}: {STATUS_WORDS[status]}" + (f", {outcome}" if outcome else "")
                return Stretch(text, f"{outcome} {name}".strip(), note)
    return Stretch(text)
