"""The rules as the labeller uses them; :mod:`.rule_files` reads them from YAML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from coherent_cxr.chexpert.engine.aggregation import AggregationRules
from coherent_cxr.chexpert.engine.alphabet import WordClass
from coherent_cxr.chexpert.engine.language import Language
from coherent_cxr.chexpert.engine.mentions import Terms
from coherent_cxr.chexpert.engine.patterns import Pattern
from coherent_cxr.chexpert.observations import NEGATIVE, UNCERTAIN

PHASES: Final[dict[str, int | None]] = {
    "exceptions": None,
    "uncertain_before_negation": UNCERTAIN,
    "negative": NEGATIVE,
    "uncertain_after_negation": UNCERTAIN,
    "otherwise": None,
}
"""The lists of rules in the order in which they are tried, with the status their rules give (None: own)."""


@dataclass(frozen=True)
class Rule:
    """One classification rule.

    Attributes:
        name: What explanations show.
        status: 1, 0, -1, or None: the mention says nothing and is dropped.
        patterns: Any of them must match.
        unless: None of them may match.
        observations: Where it applies; empty for all.
        terms: The mention's words for which it applies; empty for all.
        last_words: The last token under the mention ("fractures" under "fracture"); empty for all.
    """

    name: str
    status: int | None
    patterns: tuple[Pattern, ...]
    unless: tuple[Pattern, ...] = ()
    observations: frozenset[str] = frozenset()
    terms: frozenset[str] = frozenset()
    last_words: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ClauseEnds:
    """Commas and words over which no rule reaches.

    Attributes:
        near: Words of which the sentence must have one.
        at: The commas and words that may be such an end; a pattern calls them ``X``.
        patterns: Any of them must match.
        unless: None of them may match.
    """

    near: frozenset[str]
    at: frozenset[str]
    patterns: tuple[Pattern, ...]
    unless: tuple[Pattern, ...] = ()


@dataclass(frozen=True)
class RuleSet:
    """Everything a labeller needs to know.

    Attributes:
        name: "original", "corrected", "spanish" or the file's path.
        observations: The labels, in the order of the columns.
        lexicon: Terms by observation.
        words: Word classes by name.
        phases: Rules of each phase, in the order in which they are tried.
        aggregation: How the mentions of a report are joined.
        negating_starts: Beginnings of a sentence that negate all its mentions.
        clause_ends: Where a denied list ends before its sentence does; None: nowhere.
        layout: Whether the layout of a text ends sentences.
        language: Words of the language of the texts.
        digest: SHA-256 of what its files say, wherever they lie; comments do not count.
    """

    name: str
    observations: tuple[str, ...]
    lexicon: dict[str, Terms]
    words: dict[str, WordClass]
    phases: dict[str, tuple[Rule, ...]]
    aggregation: AggregationRules
    language: Language
    negating_starts: tuple[str, ...] = ()
    clause_ends: ClauseEnds | None = None
    layout: bool = False
    digest: str = ""
