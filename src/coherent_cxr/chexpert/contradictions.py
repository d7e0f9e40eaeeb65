"""Sentences of one report that cannot both be true."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final, NamedTuple

from coherent_cxr.chexpert import NEGATIVE, POSITIVE, CheXpertLabeler, Mention
from coherent_cxr.chexpert.engine.language import Language

BOTH: Final = frozenset(("left", "right"))
_SENTENCE = re.compile(r"\S.*?(?:[.!?](?=\s|$)|$)", re.DOTALL)


class Contradiction(NamedTuple):
    """Two places of a report that exclude each other.

    Attributes:
        what: What is both affirmed and denied.
        affirmed: Where the sentence that affirms it stands in the text: start, end.
        denied: Where the sentence that denies it stands.
    """

    what: str
    affirmed: tuple[int, int]
    denied: tuple[int, int]


class Stance(NamedTuple):
    """What a sentence says of findings; two whose stances are not opposed do not contradict each other.

    Attributes:
        affirmed: Observations that it affirms.
        denied: Observations that it denies; those of the lungs where it says that they are clear.
        only_denied: Observations that it denies by name; none where it says anything else of a finding.
    """

    affirmed: frozenset[str]
    denied: frozenset[str]
    only_denied: frozenset[str]


def stance_of(labeler: CheXpertLabeler, sentence: str) -> Stance:
    """Return what a sentence affirms and denies."""
    mentions = [mention for mention in labeler.explain(sentence) if mention.observation != "No Finding"]
    affirmed = frozenset(mention.observation for mention in mentions if mention.status == POSITIVE)
    denied = frozenset(mention.observation for mention in mentions if mention.status == NEGATIVE)
    language = labeler.language
    clear = language.clear_denies if language.clear.search(sentence) else frozenset[str]()
    only = all(mention.status == NEGATIVE for mention in mentions)
    return Stance(affirmed, denied | clear, denied if only else frozenset())


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return where each sentence stands, its full stop included."""
    return [match.span() for match in _SENTENCE.finditer(text)]


def sides(sentence: str, language: Language) -> frozenset[str]:
    """Return the sides that a sentence names: left, right, both, or none."""
    words = language.folded(sentence)
    named = {side for side, pattern in language.sides if pattern.search(words)}
    return BOTH if "both" in named else frozenset(named)


def contradictions(labeler: CheXpertLabeler, text: str) -> list[Contradiction]:
    """Find findings that one sentence affirms and another one denies, and clear lungs beside a lung finding.

    Sentences about different sides do not contradict each other, and neither does a denial of a large, new or
    other finding.

    Args:
        labeler: Reads the sentences.
        text: A report.

    Returns:
        One contradiction per finding at most, in the order of the text; "clear lungs" once at most.
    """
    return contradictions_between(labeler.explain(text), text, labeler.language)


def contradictions_between(
    explained: Sequence[Mention], text: str, language: Language
) -> list[Contradiction]:
    """Do the same with the mentions of a text that has been read already.

    Args:
        explained: What ``labeler.explain(text)`` returned.
        text: The report.
        language: Its language.
    """
    mentions = [m for m in explained if m.observation != "No Finding"]
    found: dict[str, Contradiction] = {}
    places = _Places(text, sentence_spans(text), language)
    for what, affirmed, denied in (*_opposed(mentions, places), *_clear_lungs(mentions, places)):
        found.setdefault(what, Contradiction(what, affirmed, denied))
    return sorted(found.values(), key=lambda c: min(c.affirmed[0], c.denied[0]))


Found = tuple[str, tuple[int, int], tuple[int, int]]


class _Places(NamedTuple):
    """A text, where its sentences stand, and its language."""

    text: str
    spans: Sequence[tuple[int, int]]
    language: Language

    def words(self, span: tuple[int, int]) -> str:
        return self.language.folded(self.text[slice(*span)])

    def around(self, place: int) -> tuple[int, int]:
        return next((span for span in self.spans if span[0] <= place < span[1]), (place, place))

    def meet(self, one: tuple[int, int], other: tuple[int, int]) -> bool:
        """Whether two sentences may speak of the same side; one that names none speaks of both."""
        named = [sides(self.words(span), self.language) or BOTH for span in (one, other)]
        return bool(named[0] & named[1])


def _opposed(mentions: Sequence[Mention], places: _Places) -> Iterator[Found]:
    for one, other in product(mentions, mentions):
        if (one.observation, one.status, other.status) != (other.observation, POSITIVE, NEGATIVE):
            continue
        affirmed, denied = places.around(one.start), places.around(other.start)
        limited = places.language.limited.search(_up_to(other, denied, places)) or _another_kind(
            places, one.observation, affirmed, denied
        )
        if affirmed != denied and not limited and places.meet(affirmed, denied):
            yield one.observation, affirmed, denied


def _up_to(mention: Mention, sentence: tuple[int, int], places: _Places) -> str:
    """Return a sentence up to the end of the part that a mention stands in.

    "no pneumothorax or large effusion" denies any pneumothorax; "no large effusion or pneumothorax" may leave
    room for a small one.
    """
    following = places.language.next_part.search(places.text, mention.end, sentence[1])
    return places.words((sentence[0], sentence[1] if following is None else following.start()))


def _clear_lungs(mentions: Sequence[Mention], places: _Places) -> Iterator[Found]:
    language = places.language
    sentences = [(span, places.words(span)) for span in places.spans]
    clear = [
        span
        for span, words in sentences
        if language.clear.search(words) and not language.not_clear.search(words)
    ]
    for mention, denied in product(mentions, clear):
        if mention.observation in language.clear_denies and mention.status == POSITIVE:
            affirmed = places.around(mention.start)
            if affirmed != denied and places.meet(affirmed, denied):
                yield "clear lungs", affirmed, denied


def _another_kind(
    places: _Places, observation: str, affirmed: tuple[int, int], denied: tuple[int, int]
) -> bool:
    """Whether the denial may be about others: no focal opacity beside a diffuse one, another tube removed."""
    language = places.language
    focal = [language.focal.search(places.words(span)) is not None for span in (affirmed, denied)]
    return (observation in language.focal_of and focal == [False, True]) or observation in language.several
