"""The words a generator knows, by id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

SPECIAL = ("<pad>", "<bos>", "<eos>", "<unk>")


def count_words(reports: Iterable[Sequence[Sequence[str]]]) -> Counter[str]:
    """Count the words of reports."""
    return Counter(word for report in reports for sentence in report for word in sentence)


class Vocabulary:
    """Tokens by id: padding, sentence start, sentence end, unknown, words by falling count, finding marks.

    A finding mark stands in front of a sentence and says what it states (:mod:`.finding_marks`). The
    generator reads and writes it like a word; it is never part of a report's text.

    Args:
        tokens: All tokens in the order of their ids, the four special ones first. Finding marks begin with
            ``<``, as no word does.
        counts: Occurrences of each word in the training split.
        min_count: Fewest occurrences of a word that is kept.

    Raises:
        ValueError: If the special tokens are not the first four, or a token stands twice.
    """

    pad_id: ClassVar[int] = 0
    bos_id: ClassVar[int] = 1
    eos_id: ClassVar[int] = 2
    unk_id: ClassVar[int] = 3

    def __init__(self, tokens: Sequence[str], counts: Mapping[str, int], min_count: int) -> None:
        if tuple(tokens[:4]) != SPECIAL:
            raise ValueError(
                f"A vocabulary must begin with {', '.join(SPECIAL)}; this one begins with "
                f"{list(tokens[:4])}. Run the pipeline vocabulary_building again."
            )
        self.tokens = tuple(tokens)
        self.counts = dict(counts)
        self.min_count = min_count
        self._ids = {token: place for place, token in enumerate(self.tokens)}
        self.mark_ids = frozenset(i for i in range(len(SPECIAL), len(tokens)) if tokens[i].startswith("<"))
        if len(self._ids) != len(self.tokens):
            twice = [token for token, count in Counter(self.tokens).items() if count > 1]
            raise ValueError(f"These tokens stand more than once in the vocabulary: {', '.join(twice)}.")

    @classmethod
    def from_reports(cls, reports: Iterable[Sequence[Sequence[str]]], min_count: int) -> Vocabulary:
        """Keep the words that occur often enough; equally frequent ones by spelling."""
        return cls.from_counts(count_words(reports), min_count)

    @classmethod
    def from_counts(cls, counts: Mapping[str, int], min_count: int, marks: Sequence[str] = ()) -> Vocabulary:
        """Make the same of words that have been counted."""
        words = sorted((w for w, n in counts.items() if n >= min_count), key=lambda w: (-counts[w], w))
        return cls([*SPECIAL, *words, *marks], {word: counts[word] for word in words}, min_count)

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, sentence: Iterable[str]) -> list[int]:
        """Return the ids of a sentence's tokens; words that are not known become the unknown id."""
        return [self._ids.get(token, self.unk_id) for token in sentence]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Return the words of a sentence's ids, without its finding mark.

        Raises:
            IndexError: If an id is not in the vocabulary.
        """
        return [self.tokens[i] for i in ids if i not in self.mark_ids]

    def without_marks(self, ids: Iterable[int]) -> list[int]:
        """Return a sentence's ids without its finding mark."""
        return [i for i in ids if i not in self.mark_ids]

    def to_dict(self) -> dict[str, Any]:
        """Return the vocabulary as plain JSON."""
        return {"tokens": list(self.tokens), "counts": self.counts, "min_count": self.min_count}

    @classmethod
    def from_dict(cls, described: Mapping[str, Any]) -> Vocabulary:
        """Read what :meth:`to_dict` wrote."""
        return cls(described["tokens"], described["counts"], described["min_count"])
