"""The labeller: cleaning, sentences, and the three steps of Irvin et al. 2019 in one object."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from coherent_cxr.chexpert.engine.aggregation import Aggregator
from coherent_cxr.chexpert.engine.cache import CacheStatistics, SentenceCache
from coherent_cxr.chexpert.engine.classification import MentionClassifier
from coherent_cxr.chexpert.engine.cleaning import clean_text, clean_text_with_offsets
from coherent_cxr.chexpert.engine.mentions import FoundMention, MentionScanner
from coherent_cxr.chexpert.engine.sentences import split_sentences
from coherent_cxr.chexpert.rules.rule_files import export_rules, load_rules
from coherent_cxr.inputs.text.layout import Block, blocks, is_plain

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Mention:
    """One place of a report that speaks of an observation.

    Attributes:
        sentence: Index of its sentence in the report, from 0.
        start: Index of its first character in the text as given.
        end: Index after its last character.
        text: ``text[start:end]`` of the text as given.
        observation: One of the labeller's; "No Finding" for a finding outside the other thirteen, which
            does no more than forbid the label "No Finding".
        status: 1 positive, 0 negative, -1 uncertain.
        rule: The rule that decided.
    """

    sentence: int
    start: int
    end: int
    text: str
    observation: str
    status: int
    rule: str


class CheXpertLabeler:
    """Labels radiology report sections with the fourteen observations of CheXpert.

    Objects are safe to share between threads, pickle for worker processes (without the cache's content), and
    give the same labels for the same text always.

    Args:
        rules: Rule set: "original" (as the original tool labels, its errors included), "corrected", or the
            path of a rule file.
        cache_size: Most sentences to remember; 0 switches the memory off.
        content: What :meth:`exported` returned: read in the place of a file, which ``rules`` only names.

    Attributes:
        rules: Name of the rule set, or path of the rule file.
        digest: SHA-256 of what the rules say, for fingerprints.
        not_a_finding: Those that leave "No Finding" alone.
        observations: The labels in the order of the columns; the shipped rule sets have CheXpert's fourteen.
        language: Words of the language of the texts.

    Raises:
        RuleFileError: If the rule file cannot be used.
    """

    def __init__(
        self, rules: str | Path = "original", cache_size: int = 65_536, content: bytes | None = None
    ) -> None:
        self._arguments = (rules, cache_size, content)
        self._content = content
        rule_set = load_rules(rules, content)
        self.rules = rule_set.name
        self.digest = rule_set.digest
        self.observations = rule_set.observations
        self.not_a_finding = rule_set.aggregation.not_a_finding
        self._aggregator = Aggregator(rule_set.observations, rule_set.aggregation)
        self._scanner = MentionScanner(rule_set.lexicon)
        self._classifier = MentionClassifier(rule_set)
        self._cache = SentenceCache(cache_size)
        self._remembered = lru_cache(maxsize=cache_size // 4)(self.statements)
        self._layout = rule_set.layout
        self.language = rule_set.language

    def __reduce__(self) -> tuple[type[CheXpertLabeler], tuple[str | Path, int, bytes | None]]:
        return type(self), self._arguments

    @property
    def name(self) -> str:
        """Name of the rule set, of a rule file without its folder: the tag of tables and models."""
        return Path(self.rules).name

    def exported(self) -> bytes:
        """Return what the rules say, with all that they extend, for a model to carry."""
        return self._content or export_rules(self.rules)

    @property
    def cache_statistics(self) -> CacheStatistics:
        """Hits, misses and size of the sentence cache."""
        return self._cache.statistics

    def label(self, text: str | float | None) -> dict[str, int | None]:
        """Label one report section.

        Args:
            text: The findings or impression. None, NaN and blank texts are empty reports: "No Finding" is 1.

        Returns:
            Observation to 1, 0, -1 or None (not mentioned), in the original's column order.

        Raises:
            TypeError: If the text is neither text nor missing.
        """
        return dict(zip(self.observations, self._aggregator.decide(self._votes(text)), strict=True))

    def label_many(self, texts: Iterable[str | float | None]) -> pd.DataFrame:
        """Label many report sections.

        Args:
            texts: Sections, as for :meth:`label`. A pandas Series keeps its index.

        Returns:
            A frame of shape (texts, 14) of nullable integers (Int8), one row per text, in order.

        Raises:
            TypeError: If an item is neither text nor missing; the message names its position.
        """
        import pandas as pd  # takes longer than labelling a report, which needs no table

        votes = []
        for position, text in enumerate(texts):
            try:
                votes.append(self._votes(text))
            except TypeError as error:
                raise TypeError(f"Item {position}: {error}") from error
        return self._frame(votes, texts.index if isinstance(texts, pd.Series) else None)

    def explain(self, text: str | float | None) -> list[Mention]:
        """Name every mention with its status and the rule that decided, in the order of the text.

        Args:
            text: A section, as for :meth:`label`.

        Returns:
            Mentions whose spans point into the text as given, before cleaning.

        Raises:
            TypeError: If the text is neither text nor missing.
        """
        given = as_text(text)
        explained: list[Mention] = []
        index = 0
        for offset, block in blocks(given) if self._layout else [Block(0, given)]:
            cleaned = clean_text_with_offsets(block, self.language)
            begin = 0
            for sentence in split_sentences(cleaned.text, self.language.abbreviations):
                for found, status, rule in self._remembered(sentence):
                    first, last = cleaned.span(begin + found.start, begin + found.end)
                    start, end = offset + first, offset + last
                    explained.append(
                        Mention(index, start, end, given[start:end], found.observation, status, rule)
                    )
                begin += len(sentence) + 1
                index += 1
        return explained

    def _votes(self, text: str | float | None) -> int:
        votes = misses = 0
        sentences = self.sentences(text)
        for sentence in sentences:
            known = self._cache.get(sentence)
            if known is None:
                misses += 1
                known = self._sentence_votes(sentence)
                self._cache.put(sentence, known)
            votes |= known
        self._cache.count(len(sentences) - misses, misses)
        return votes

    def sentences(self, text: str | float | None) -> list[str]:
        """Return the cleaned sentences of a text; without layout its lines are joined.

        Raises:
            TypeError: If the text is neither text nor missing.
        """
        text = as_text(text)
        if not self._layout or is_plain(text):
            return self._split(text)
        return [sentence for _, block in blocks(text) for sentence in self._split(block)]

    def _split(self, block: str) -> list[str]:
        return split_sentences(clean_text(block, self.language), self.language.abbreviations)

    def _sentence_votes(self, sentence: str) -> int:
        votes = 0
        for found, status, _ in self.statements(sentence):
            votes |= self._aggregator.vote(found.observation, status, found.term)
        return votes

    def statements(self, sentence: str) -> list[tuple[FoundMention, int, str]]:
        """Return the mentions of a cleaned sentence that say something, with status and rule."""
        mentions = self._scanner.find(sentence)
        if not mentions:
            return []
        verdicts = self._classifier.classify(sentence, mentions)
        return [
            (m, v.status, v.rule) for m, v in zip(mentions, verdicts, strict=True) if v.status is not None
        ]

    def _frame(self, votes: list[int], index: pd.Index | None) -> pd.DataFrame:
        import numpy as np
        import pandas as pd

        kinds = {bits: position for position, bits in enumerate(dict.fromkeys(votes))}
        decided = [self._aggregator.decide(bits) for bits in kinds]
        shape = (len(kinds), len(self.observations))
        values = np.array([[label or 0 for label in row] for row in decided], dtype=np.int8).reshape(shape)
        blank = np.array([[label is None for label in row] for row in decided], dtype=bool).reshape(shape)
        rows = np.fromiter((kinds[bits] for bits in votes), dtype=np.intp, count=len(votes))
        columns = {
            name: pd.arrays.IntegerArray(values[rows, number], blank[rows, number])
            for number, name in enumerate(self.observations)
        }
        return pd.DataFrame(columns, index=index)


def as_text(text: object) -> str:
    """Return a report's text, an empty one for what is missing.

    Raises:
        TypeError: If it is neither text nor missing.
    """
    if isinstance(text, str):
        return text
    if text is None or (isinstance(text, float) and math.isnan(text)):
        return ""
    import pandas as pd

    if text is pd.NA:
        return ""
    raise TypeError(
        f"A report must be text or missing (None, NaN), but it is {text!r:.60} ({type(text).__name__})."
    )
