"""Findings and impression in one report: an empty sentence between them marks where the impression begins.

The generator reads and emits the mark as a token. It has no words, so it is no part of any text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Target = Literal["findings", "impression", "findings_and_impression"]
SECTION_MARK = "§impression"
"""The mark's token; no word of a report has such a character."""
SECTIONS = ("findings", "impression")

Sentences = Sequence[Sequence[str]]


def mark_of(tokens: Sentences) -> int | None:
    """Return the place of the mark among the sentences of a report; None where it has one section only."""
    return next((place for place, sentence in enumerate(tokens) if not len(sentence)), None)


def section_of(tokens: Sentences, section: str) -> list[list[str]]:
    """Return the sentences of one section; a report without a mark has findings alone.

    Args:
        tokens: Words of each sentence, the mark among them.
        section: ``findings`` or ``impression``.
    """
    mark = mark_of(tokens)
    own = tokens[:mark] if section == SECTIONS[0] else tokens[len(tokens) if mark is None else mark :]
    return [list(sentence) for sentence in own if len(sentence)]


def within_sections(order: Sequence[int], tokens: Sentences) -> list[int]:
    """Return an order of sentences in which each stays in its section, the mark between them.

    Args:
        order: Places of all sentences.
        tokens: Words of each sentence, in the report's order.
    """
    mark = mark_of(tokens)
    if mark is None:
        return list(order)
    return [*(i for i in order if i < mark), mark, *(i for i in order if i > mark)]
