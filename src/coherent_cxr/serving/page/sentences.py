"""A report sentence by sentence: its mentions, and which of its words have attention to show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from coherent_cxr.chexpert.engine.labeller import Mention
from coherent_cxr.chexpert.io.page import Segment, explain_report
from coherent_cxr.reports.word_attention import WordAttention
from coherent_cxr.serving.generator import Report


class Piece(NamedTuple):
    """A stretch of text inside a sentence.

    Attributes:
        text: Its characters.
        word: Place of its word among those of the sentence with attention; None of blanks and punctuation.
    """

    text: str
    word: int | None


class Stretch(NamedTuple):
    """Pieces under the same mentions.

    Attributes:
        pieces: In order.
        status: "positive", "uncertain" or "negative"; empty without a mention.
        note: What its mentions say, one per line.
    """

    pieces: list[Piece]
    status: str
    note: str


class ShownSentence(NamedTuple):
    """A sentence of the page.

    Attributes:
        number: Its place in the report, from 0.
        stretches: Its text, in order and complete.
        finding: The finding that it was generated for, if any.
        probability: Of that finding.
        token: Place of the finding token among the words with attention; None without one.
    """

    number: int
    stretches: list[Stretch]
    finding: str | None
    probability: float | None
    token: int | None


def shown_sentences(report: Report, mentions: Sequence[Mention]) -> list[ShownSentence]:
    """Cut a report into what the page shows; an empty sentence is left out.

    Args:
        report: The report.
        mentions: Mentions in its text.
    """
    segments = explain_report(1, report.text, mentions, {}).segments
    shown: list[ShownSentence] = []
    position = 0
    for number, (text, attended) in enumerate(zip(report.sentences, report.attention, strict=True)):
        if not text:
            continue
        start = report.text.find(text, position)
        own = _between(segments, start, start + len(text)) if start >= 0 else [Segment(text)]
        position = start + len(text) if start >= 0 else position
        behind = report.sentence_findings[number] if number < len(report.sentence_findings) else None
        token = next((i for i, word in enumerate(attended) if word.is_finding_token), None)
        shown.append(
            ShownSentence(
                number,
                _stretches(own, _places(text, attended)),
                behind.finding if behind else None,
                behind.probability if behind else None,
                token,
            )
        )
    return shown


def _between(segments: Sequence[Segment], start: int, end: int) -> list[Segment]:
    """Return the part of the segments that lies between two characters of the text."""
    found, first = [], 0
    for segment in segments:
        last = first + len(segment.text)
        text = segment.text[max(0, start - first) : max(0, end - first)]
        if text and last > start:
            found.append(Segment(text, segment.status, segment.note))
        first = last
    return found


def _places(text: str, attended: Sequence[WordAttention]) -> list[tuple[int, int, int]]:
    """Find the words in their sentence: first character, the one behind the last, place of the word."""
    lower, position, found = text.lower(), 0, []
    for place, word in enumerate(attended):
        if word.is_finding_token:
            continue
        start = lower.find(word.word.lower(), position)
        if start < 0:
            continue
        position = start + len(word.word)
        if any(character.isalnum() for character in word.word):
            found.append((start, position, place))
    return found


def _stretches(segments: Sequence[Segment], places: Sequence[tuple[int, int, int]]) -> list[Stretch]:
    stretches, first = [], 0
    for segment in segments:
        last = first + len(segment.text)
        pieces, position = [], first
        for start, end, place in places:
            start, end = max(start, first), min(end, last)
            if start >= end:
                continue
            if start > position:
                pieces.append(Piece(segment.text[position - first : start - first], None))
            pieces.append(Piece(segment.text[start - first : end - first], place))
            position = end
        if position < last:
            pieces.append(Piece(segment.text[position - first :], None))
        stretches.append(Stretch(pieces, segment.status, segment.note))
        first = last
    return _merged(stretches)


def _merged(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Put neighbours of the same status together: mentions that overlap are one mark."""
    merged: list[Stretch] = []
    for stretch in stretches:
        if merged and stretch.status and merged[-1].status == stretch.status:
            before = merged.pop()
            notes = dict.fromkeys([*before.note.splitlines(), *stretch.note.splitlines()])
            stretch = Stretch([*before.pieces, *stretch.pieces], stretch.status, "\n".join(notes))
        merged.append(stretch)
    return merged
