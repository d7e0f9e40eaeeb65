"""The tokens that R2Gen compares (Chen et al. 2020), on which most published numbers on Open-I rest.

Its cleaning and its vocabulary decide what counts as a word, its longest report where a reference ends. Both
sides go through the same: cleaned, in words of the training reports, cut, and written out again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import PositiveInt

from coherent_cxr.configuration import Settings

UNKNOWN = "<unk>"

# Replaced one after the other, before lower-casing; "1. " goes wherever it stands ("T11. " becomes "T1").
_LIST_NUMBERS = (
    ("1. ", ""),
    *((f". {number}. ", ". ") for number in range(2, 6)),
    *((f" {number}. ", ". ") for number in range(2, 6)),
)
# R2Gen's character class holds the range ":" to "[", and so <, =, > and @ beside what it lists; hyphens stay.
_REMOVED = re.compile(r"[.,?;*!%^&_+():<=>@\[\]{}\"/\\']")


class R2GenConfig(Settings):
    """What R2Gen sets by data set.

    Attributes:
        min_count: How often a word must occur in the training reports; 3 for Open-I, 10 for MIMIC-CXR.
        max_tokens: Tokens after which both sides are cut; 59 for Open-I, 99 for MIMIC-CXR (its own
            60 and 100 count the leading 0).
        join_blanks: Whether repeated blanks and underscores are joined first, as R2Gen does for MIMIC-CXR.
    """

    min_count: PositiveInt
    max_tokens: PositiveInt
    join_blanks: bool


@dataclass(frozen=True)
class R2GenTokens:
    """R2Gen's way from a report to the text that is compared.

    Attributes:
        config: Its settings.
        words: Its vocabulary.
    """

    config: R2GenConfig
    words: frozenset[str]

    @classmethod
    def of(cls, config: R2GenConfig, training: Iterable[str]) -> R2GenTokens:
        """Count the words of training reports."""
        counts = Counter(word for report in training for word in clean(report, config.join_blanks).split())
        return cls(config, frozenset(word for word, times in counts.items() if times >= config.min_count))

    def __call__(self, report: str) -> str:
        """Return the tokens of a report, separated by blanks."""
        tokens = clean(report, self.config.join_blanks).split()[: self.config.max_tokens]
        return " ".join(token if token in self.words else UNKNOWN for token in tokens)


def clean(report: str, join_blanks: bool = False) -> str:
    """Clean a report as R2Gen does.

    Args:
        report: As written.
        join_blanks: The way for MIMIC-CXR: repeated underscores, blanks and more full stops are joined first.

    Returns:
        Lower-case sentences without punctuation, joined by " . " and closed by " .".
    """
    text = re.sub(r"[\r\n]+", " ", report)  # its file for Open-I has each report on one line
    if join_blanks:
        text = re.sub(" {2,}", " ", re.sub("_{2,}", "_", text))
    for _ in range(8 if join_blanks else 3):
        text = text.replace("..", ".")
    for number, instead in _LIST_NUMBERS:
        text = text.replace(number, instead)
    sentences: Sequence[str] = text.strip().lower().split(". ")
    return " . ".join(_REMOVED.sub("", sentence.strip()) for sentence in sentences) + " ."
