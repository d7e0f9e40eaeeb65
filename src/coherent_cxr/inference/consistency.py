"""Sentences of one report that cannot both be true: found while it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TypeVar

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.chexpert.contradictions import Stance, contradictions, stance_of
from coherent_cxr.reports.text import detokenize

Sentence = tuple[str, ...]
MOST_REMEMBERED = 65_536
"""Sentences whose meaning is kept; a model writes a few thousand different ones."""
Key = TypeVar("Key")
Value = TypeVar("Value")


def remember(known: dict[Key, Value], key: Key, value: Value) -> None:
    """Keep a value; where :data:`MOST_REMEMBERED` are kept already, forget those."""
    if len(known) >= MOST_REMEMBERED:
        known.clear()
    known[key] = value


@dataclass(frozen=True)
class Consistency:
    """Finds contradictions between the sentences of a report.

    Attributes:
        labeler: Reads the sentences.
    """

    labeler: CheXpertLabeler
    _stances: dict[Sentence, Stance] = field(default_factory=dict, repr=False, compare=False)
    _opposed: dict[tuple[Sentence, Sentence], bool] = field(default_factory=dict, repr=False, compare=False)

    def denials(self, sentences: Sequence[Sequence[str]]) -> set[int]:
        """Return the places of sentences that deny what another one affirms.

        Args:
            sentences: Words of each sentence.
        """
        stances = [self._stance(tuple(sentence)) for sentence in sentences]
        affirmed = frozenset[str]().union(*(stance.affirmed for stance in stances))
        if not any(affirmed & stance.denied for stance in stances):  # most reports, and much faster
            return set()
        # sentences stand one blank apart in the readable text
        lengths = [len(detokenize([sentence])) for sentence in sentences]
        starts = [0, *accumulate(length + bool(length) for length in lengths)]
        found = {
            contradiction.denied[0] for contradiction in contradictions(self.labeler, detokenize(sentences))
        }
        return {
            place
            for place, (start, length) in enumerate(zip(starts[:-1], lengths, strict=True))
            if any(start <= at < start + length for at in found)
        }

    def contradicts(self, before: Sequence[Sequence[str]], sentence: Sequence[str]) -> bool:
        """Tell whether a sentence contradicts those before it.

        Args:
            before: Words of the sentences before it.
            sentence: Its words.
        """
        return any(self._contradict(tuple(other), tuple(sentence)) for other in before)

    def repeats_denial(self, before: Sequence[Sequence[str]], sentence: Sequence[str]) -> bool:
        """Tell whether a sentence only denies findings, one of which another such sentence denied before.

        Args:
            before: Words of the sentences before it.
            sentence: Its words.
        """
        own = self._stance(tuple(sentence)).only_denied
        return bool(own) and any(own & self._stance(tuple(other)).only_denied for other in before)

    def _contradict(self, other: Sentence, sentence: Sentence) -> bool:
        found = self._opposed.get((other, sentence))
        if found is None:
            old, new = self._stance(other), self._stance(sentence)
            opposed = new.affirmed & old.denied or new.denied & old.affirmed
            found = bool(opposed and contradictions(self.labeler, detokenize([other, sentence])))
            remember(self._opposed, (other, sentence), found)
        return found

    def _stance(self, sentence: Sentence) -> Stance:
        found = self._stances.get(sentence)
        if found is None:
            found = stance_of(self.labeler, detokenize([sentence]))
            remember(self._stances, sentence, found)
        return found
