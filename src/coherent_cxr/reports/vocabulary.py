"""The words a generator knows, by id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from coherent_cxr.reports.sections import SECTION_MARK
from coherent_cxr.reports.text import DEIDENTIFIED

SPECIAL = ("<pad>", "<bos>", "<eos>", "<unk>")
MOST_TOKENS = 200_000
LONGEST_TOKEN = 100
REMEDY = "Run the pipeline vocabulary_building again."


def count_words(reports: Iterable[Sequence[Sequence[str]]]) -> Counter[str]:
    """Count the words of reports."""
    return Counter(word for report in reports for sentence in report for word in sentence)


class Vocabulary:
    """Tokens by id: padding, sentence start, sentence end, unknown, words by falling count, finding tokens.

    A finding token stands in front of a sentence (:mod:`.finding_tokens`), the mark of a section is a
    sentence's only one (:mod:`.sections`). The generator reads and emits both like words; they are never part
    of a report's text.

    Args:
        tokens: All tokens in the order of their ids, the four special ones first. Finding tokens begin with
            ``<``, as no word does.
        counts: Occurrences of each word in the training split.
        min_count: Fewest occurrences of a word that is kept.

    Raises:
        ValueError: If the special tokens are not the first four, a token stands twice, is empty, has more
            than 100 characters or one that cannot be printed, or there are more than 200,000 tokens.
    """

    pad_id: ClassVar[int] = 0
    bos_id: ClassVar[int] = 1
    eos_id: ClassVar[int] = 2
    unk_id: ClassVar[int] = 3

    def __init__(self, tokens: Sequence[str], counts: Mapping[str, int], min_count: int) -> None:
        if len(tokens) > MOST_TOKENS:
            raise ValueError(
                f"A vocabulary has at most {MOST_TOKENS:,} tokens; this one has {len(tokens):,}. Raise "
                "vocabulary_building.min_count."
            )
        if tuple(tokens[:4]) != SPECIAL:
            raise ValueError(
                f"A vocabulary must begin with {', '.join(SPECIAL)}; this one begins with "
                f"{str(list(tokens[:4]))[:200]!a}. {REMEDY}"
            )
        self.tokens = tuple(tokens)
        self.counts = dict(counts)
        self.min_count = min_count
        self._ids = {token: place for place, token in enumerate(self.tokens)}
        self.finding_token_ids = frozenset(
            i for i in range(len(SPECIAL), len(tokens)) if tokens[i].startswith("<")
        )
        self.section_mark_id = self._ids.get(SECTION_MARK)
        self.silent_ids = self.finding_token_ids | {i for i in (self.section_mark_id,) if i is not None}
        self.deidentified_ids = frozenset(i for i, token in enumerate(self.tokens) if DEIDENTIFIED in token)
        if len(self._ids) != len(self.tokens):
            twice = [token for token, count in Counter(self.tokens).items() if count > 1]
            raise ValueError(f"Tokens stand more than once in the vocabulary: {', '.join(twice)[:200]!a}.")
        for place, token in enumerate(self.tokens):
            if not _is_token(token):
                raise ValueError(
                    f"Token {place} of the vocabulary is {token[:LONGEST_TOKEN]!a}; a token has 1 to "
                    f"{LONGEST_TOKEN} characters that can be printed. {REMEDY}"
                )

    @classmethod
    def from_reports(cls, reports: Iterable[Sequence[Sequence[str]]], min_count: int) -> Vocabulary:
        """Keep the words that occur often enough; equally frequent ones by spelling."""
        return cls.from_counts(count_words(reports), min_count)

    @classmethod
    def from_counts(
        cls, counts: Mapping[str, int], min_count: int, silent_tokens: Sequence[str] = ()
    ) -> Vocabulary:
        """Make a vocabulary from counted words; those that cannot be a token are left out."""
        frequent = (word for word, count in counts.items() if count >= min_count and _is_token(word))
        words = sorted(frequent, key=lambda word: (-counts[word], word))
        return cls([*SPECIAL, *words, *silent_tokens], {word: counts[word] for word in words}, min_count)

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, sentence: Iterable[str]) -> list[int]:
        """Return the ids of a sentence's tokens; words that are not known become the unknown id.

        The empty sentence becomes the section's mark, if the vocabulary has one.
        """
        sentence = list(sentence)
        if not sentence and self.section_mark_id is not None:
            return [self.section_mark_id]
        return [self._ids.get(token, self.unk_id) for token in sentence]

    def id_of(self, token: str) -> int | None:
        """Return a token's id, or None if it is not in the vocabulary."""
        return self._ids.get(token)

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Return the words of a sentence's ids, without its finding token; of a section's mark no word.

        Raises:
            IndexError: If an id is not in the vocabulary.
        """
        return [self.tokens[i] for i in ids if i not in self.silent_ids]

    def finding_token_of(self, ids: Sequence[int]) -> str:
        """Return the finding token that a sentence's ids begin with; empty if they begin with none."""
        return self.tokens[ids[0]] if len(ids) and ids[0] in self.finding_token_ids else ""

    def without_finding_token(self, ids: Iterable[int]) -> list[int]:
        """Return a sentence's ids without its finding token."""
        return [i for i in ids if i not in self.finding_token_ids]

    def to_dict(self) -> dict[str, Any]:
        """Return the vocabulary as plain JSON."""
        return {"tokens": list(self.tokens), "counts": self.counts, "min_count": self.min_count}

    @classmethod
    def from_dict(cls, described: Mapping[str, Any]) -> Vocabulary:
        """Read what :meth:`to_dict` wrote.

        Raises:
            ValueError: If it is of another shape, or no vocabulary can be made of it.
        """
        if not isinstance(described, Mapping) or not described.keys() >= {"tokens", "counts", "min_count"}:
            raise ValueError(f"A vocabulary needs tokens, counts and min_count. {REMEDY}")
        tokens, counts, min_count = (described[key] for key in ("tokens", "counts", "min_count"))
        if not isinstance(tokens, list | tuple) or not all(isinstance(token, str) for token in tokens):
            raise ValueError(f"A vocabulary's tokens are a list of texts. {REMEDY}")
        if not isinstance(counts, Mapping) or any(type(n) is not int for n in (min_count, *counts.values())):
            raise ValueError(f"A vocabulary's counts and min_count are whole numbers. {REMEDY}")
        return cls(tokens, counts, min_count)


def _is_token(text: str) -> bool:
    return 0 < len(text) <= LONGEST_TOKEN and text.isprintable()
