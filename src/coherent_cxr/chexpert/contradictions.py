"""Sentences of one report that cannot both be true."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final, NamedTuple

from coherent_cxr.chexpert import NEGATIVE, POSITIVE, CheXpertLabeler, Mention

LUNG_FINDINGS: Final = frozenset(
    ("Lung Opacity", "Lung Lesion", "Edema", "Consolidation", "Pneumonia", "Atelectasis")
)
BOTH: Final = frozenset(("left", "right"))
_SIDE = re.compile(
    r"\b(?:(left|right)(?:-sided)?|bilateral(?:ly)?|both|bibasilar|biapical|bibasal)\b", re.IGNORECASE
)
_SENTENCE = re.compile(r"\S.*?(?:[.!?](?=\s|$)|$)", re.DOTALL)
# "no large effusion" leaves room for a small one
_LIMITED = re.compile(
    r"\b(?:large|significant|sizable|new|other|additional|further|acute|tension|overt|gross|definite"
    r"|convincing|change|worsening)\b",
    re.IGNORECASE,
)
_NEXT_PART = re.compile(r"[,;]|\b(?:or|and|nor)\b", re.IGNORECASE)
_CLEAR = re.compile(
    r"\blungs?\b(?:\s+fields?)?(?:\s+(?:are|is|appears?|remains?|bilaterally|both|grossly|essentially|well"
    r"|expanded|and|,))*\s+clear\b(?!\s+(?:of|except|aside|apart|other)\b)",
    re.IGNORECASE,
)


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
    """

    affirmed: frozenset[str]
    denied: frozenset[str]


def stance_of(labeler: CheXpertLabeler, sentence: str) -> Stance:
    """Return what a sentence affirms and denies."""
    found = {POSITIVE: set[str](), NEGATIVE: set[str]()}
    for mention in labeler.explain(sentence):
        found.get(mention.status, set[str]()).add(mention.observation)
    clear = LUNG_FINDINGS if _CLEAR.search(sentence.lower()) else frozenset[str]()
    return Stance(frozenset(found[POSITIVE] - {"No Finding"}), frozenset(found[NEGATIVE]) | clear)


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return where each sentence stands, its full stop included."""
    return [match.span() for match in _SENTENCE.finditer(text)]


def sides(sentence: str) -> frozenset[str]:
    """Return the sides that a sentence names: left, right, both, or none."""
    found: set[str] = set()
    for match in _SIDE.finditer(sentence):
        found |= {match.group(1).lower()} if match.group(1) else BOTH
    return frozenset(found)


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
    spans = sentence_spans(text)
    mentions = [m for m in labeler.explain(text) if m.observation != "No Finding"]
    found: dict[str, Contradiction] = {}
    for what, affirmed, denied in (*_opposed(mentions, spans, text), *_clear_lungs(mentions, spans, text)):
        found.setdefault(what, Contradiction(what, affirmed, denied))
    return sorted(found.values(), key=lambda c: min(c.affirmed[0], c.denied[0]))


Found = tuple[str, tuple[int, int], tuple[int, int]]


def _opposed(mentions: Sequence[Mention], spans: Sequence[tuple[int, int]], text: str) -> Iterator[Found]:
    for one, other in product(mentions, mentions):
        if (one.observation, one.status, other.status) != (other.observation, POSITIVE, NEGATIVE):
            continue
        affirmed, denied = _around(spans, one.start), _around(spans, other.start)
        limited = _LIMITED.search(_up_to(other, denied, text)) or _another_kind(
            text, one.observation, affirmed, denied
        )
        if affirmed != denied and not limited and _meet(text, affirmed, denied):
            yield one.observation, affirmed, denied


def _up_to(mention: Mention, sentence: tuple[int, int], text: str) -> str:
    """Return a sentence up to the end of the part that a mention stands in.

    "no pneumothorax or large effusion" denies every pneumothorax, "no large effusion or pneumothorax" perhaps
    none of the small ones.
    """
    following = _NEXT_PART.search(text, mention.end, sentence[1])
    return text[sentence[0] : sentence[1] if following is None else following.start()]


def _clear_lungs(mentions: Sequence[Mention], spans: Sequence[tuple[int, int]], text: str) -> Iterator[Found]:
    sentences = [(span, text[slice(*span)].lower()) for span in spans]
    clear = [span for span, words in sentences if _CLEAR.search(words) and "otherwise" not in words]
    for mention, denied in product(mentions, clear):
        if mention.observation in LUNG_FINDINGS and mention.status == POSITIVE:
            affirmed = _around(spans, mention.start)
            if affirmed != denied and _meet(text, affirmed, denied):
                yield "clear lungs", affirmed, denied


def _another_kind(text: str, observation: str, affirmed: tuple[int, int], denied: tuple[int, int]) -> bool:
    """Whether the denial may be about others: no focal opacity beside a diffuse one, another tube removed."""
    one, other = text[slice(*affirmed)].lower(), text[slice(*denied)].lower()
    focal = observation == "Lung Opacity" and "focal" in other and "focal" not in one
    return focal or observation == "Support Devices"


def _meet(text: str, one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two sentences may speak of the same side; one that names none speaks of both."""
    named = [sides(text[slice(*span)]) or BOTH for span in (one, other)]
    return bool(named[0] & named[1])


def _around(spans: Sequence[tuple[int, int]], place: int) -> tuple[int, int]:
    return next((span for span in spans if span[0] <= place < span[1]), (place, place))
