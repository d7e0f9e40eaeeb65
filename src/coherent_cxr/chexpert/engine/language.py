"""What the labeller knows of the language of the texts; the rule files say it under ``language``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from coherent_cxr.inputs.text.accents import without_accents


@dataclass(frozen=True)
class Language:
    """Words of one language outside the classification rules.

    Attributes:
        fold_accents: Whether "é" and "e" are one letter to the rules.
        either: How an alternative is written with a slash ("and/or"); empty: not at all.
        alternative: The word for a slash between letters ("or").
        abbreviations: Words whose full stop ends no sentence, the stop included.
        sides: How the left side, the right side and both are named.
        limited: Words that leave room beside a denial: "no large effusion".
        next_part: Where another part of a denied list begins.
        clear: A statement that the lungs are clear.
        not_clear: A word that leaves room beside it: "otherwise".
        focal: The word that makes a denial one of focal findings only.
        open_end: The end of a sentence that breaks off.
        no_measure: "measuring" without a measure.
        normal_report: The findings of a normal chest.
        clear_denies: Observations that clear lungs exclude.
        focal_of: Observations that can be focal or diffuse.
        several: Observations of which one can be there and another one not.
    """

    fold_accents: bool
    either: str
    alternative: str
    abbreviations: frozenset[str]
    sides: tuple[tuple[str, re.Pattern[str]], ...]
    limited: re.Pattern[str]
    next_part: re.Pattern[str]
    clear: re.Pattern[str]
    not_clear: re.Pattern[str]
    focal: re.Pattern[str]
    open_end: re.Pattern[str]
    no_measure: re.Pattern[str]
    normal_report: str
    clear_denies: frozenset[str]
    focal_of: frozenset[str]
    several: frozenset[str]

    def folded(self, text: str) -> str:
        """Return a text of the same length, without accents if they are one letter to the rules."""
        return without_accents(text) if self.fold_accents and not text.isascii() else text
