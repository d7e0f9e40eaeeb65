"""What a learnt labeller sees of a sentence: words, neighbours, their order, and what rules say of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from coherent_cxr.chexpert.engine.alphabet import tokenize
from coherent_cxr.chexpert.engine.mentions import FoundMention

REACH: Final = 12
"""Words over which a pair reaches: a denial opens a list, and what it denies may come late."""
LONGEST: Final = 96
"""Most words of a sentence that count."""
NUMBER: Final = "0"


def rule_features(statements: Iterable[tuple[FoundMention, int, str]]) -> set[str]:
    """Return the features of what rules say of a sentence."""
    return {f"<{mention.observation} {status}>" for mention, status, _ in statements}


def features(sentence: str) -> set[str]:
    """Return the features of a cleaned sentence; numbers are all alike.

    Args:
        sentence: As the labeller cleans it.
    """
    words = [NUMBER if word[0].isdigit() else word for _, _, word in tokenize(sentence)][:LONGEST]
    found = set(words)
    found.update(f"{a} {b}" for a, b in zip(["^", *words], [*words, "$"], strict=True))
    found.update(" ".join(words[at : at + 3]) for at in range(len(words) - 2))
    for place, word in enumerate(words):
        found.update(f"{word} .. {later}" for later in words[place + 2 : place + REACH])
    return found
