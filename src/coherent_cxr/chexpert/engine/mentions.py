"""Step one: where a sentence speaks of an observation (phrase search, Irvin et al. 2019, section 2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import ahocorasick


@dataclass(frozen=True)
class Terms:
    """The phrases of one observation, as substrings of a cleaned sentence; a blank at an edge must be there.

    Attributes:
        mentions: Phrases that speak of it.
        unmentions: Phrases that only look like a mention; a mention that overlaps one is dropped.
    """

    mentions: tuple[str, ...]
    unmentions: tuple[str, ...] = ()


class FoundMention(NamedTuple):
    """A phrase found in a sentence: its span there (end exclusive), observation and words."""

    start: int
    end: int
    observation: str
    term: str


class _Phrase(NamedTuple):
    """A phrase to search for: its whole length, and its span and words without the blanks at its edges."""

    length: int
    lead: int
    width: int
    term: str
    meanings: tuple[tuple[str, bool], ...]


class MentionScanner:
    """Finds all phrases of all observations, in one pass with Aho-Corasick (time linear in the text).

    Args:
        lexicon: Terms by observation.
    """

    def __init__(self, lexicon: Mapping[str, Terms]) -> None:
        meanings: dict[str, list[tuple[str, bool]]] = {}
        for observation, terms in lexicon.items():
            for phrase in terms.mentions:
                meanings.setdefault(phrase, []).append((observation, True))
            for phrase in terms.unmentions:
                meanings.setdefault(phrase, []).append((observation, False))
        phrases = {
            phrase: _Phrase(
                length=len(phrase),
                lead=len(phrase) - len(phrase.lstrip()),
                width=len(phrase.strip()),
                term=phrase.strip(),
                meanings=tuple(meant),
            )
            for phrase, meant in meanings.items()
        }
        self._search = _automaton(phrases)

    def find(self, sentence: str) -> list[FoundMention]:
        """Return the mentions of a cleaned sentence, by start then end; overlapping ones are all kept."""
        found: list[FoundMention] = []
        unmentioned: dict[str, set[int]] = {}
        for last, (length, lead, width, term, meanings) in self._search.iter(sentence):
            start = last + 1 - length + lead
            for observation, is_mention in meanings:
                if is_mention:
                    found.append(FoundMention(start, start + width, observation, term))
                else:
                    unmentioned.setdefault(observation, set()).update(range(start, start + width))
        if unmentioned:
            found = [m for m in found if not _overlaps(m, unmentioned.get(m.observation))]
        if len(found) > 1:
            found.sort()
        return found


def _automaton(phrases: Mapping[str, _Phrase]) -> ahocorasick.Automaton:
    automaton = ahocorasick.Automaton()
    for phrase, found in phrases.items():
        automaton.add_word(phrase, found)
    automaton.make_automaton()
    return automaton


def _overlaps(mention: FoundMention, covered: set[int] | None) -> bool:
    return covered is not None and not covered.isdisjoint(range(mention.start, mention.end))
