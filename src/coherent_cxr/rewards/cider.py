"""CIDEr-D (Vedantam et al. 2015, section 5), vectorised, with document frequencies fixed beforehand."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

ORDERS: Final = 4
SIGMA: Final = 6.0

_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
# A code is an n-gram inside one text: 2 bits of order, 40 bits of identity; above them the text's number.
_IDENTITY_BITS: Final = np.uint64(40)
_TEXT_BITS: Final = np.uint64(42)
_CACHED_TEXTS: Final = 65_536


class TextVectors(NamedTuple):
    """TF-IDF vectors of texts, all orders and texts in one pair of arrays.

    Attributes:
        codes: n-grams sorted by text, order and identity ``(entries,)``.
        values: Term frequency times inverse document frequency ``(entries,)``.
        norms: Norm per text and order ``(texts, 4)``.
        lengths: Number of bigrams, which is what the length penalty compares ``(texts,)``.
        starts: First entry of each text, and the end ``(texts + 1,)``.
    """

    codes: NDArray[np.uint64]
    values: NDArray[np.float64]
    norms: NDArray[np.float64]
    lengths: NDArray[np.float64]
    starts: NDArray[np.int64]


class CiderD:
    """Scores texts against references; equal to pycocoevalcap's CIDEr-D given the same document frequencies.

    Per order n = 1..4: cosine of clipped TF-IDF vectors times exp(-(difference of lengths)^2 / (2 * 6^2)).
    The score is ten times the mean over orders. An n-gram that no training document holds weighs as one that
    a single document holds, so only those of two and more documents are kept.

    Args:
        documents: Number of documents the frequencies were counted in.
        document_frequencies: n-gram (words joined by spaces) to the number of documents that hold it.

    Raises:
        ValueError: If there is no document, or an n-gram occurs in more documents than there are.
    """

    def __init__(self, documents: int, document_frequencies: Mapping[str, int]) -> None:
        if documents < 1:
            raise ValueError(
                f"CIDEr-D needs document frequencies of at least one document, but got {documents}."
            )
        most = max(document_frequencies.values(), default=0)
        if most > documents:
            raise ValueError(f"An n-gram occurs in {most} documents, but there are only {documents}.")
        self.documents = documents
        self.document_frequencies = {gram: df for gram, df in document_frequencies.items() if df > 1}
        self._word_hashes = _WordHashes()
        self._table = _HashTable(self._keys(self.document_frequencies))
        frequencies = np.fromiter(self.document_frequencies.values(), np.float64)[self._table.order]
        # The weight of everything unknown stands last.
        self._weights = np.log(documents) - np.log(np.append(frequencies, 1.0))
        self._known: dict[str, TextVectors] = {}
        self.hits = 0
        self.misses = 0

    @classmethod
    def from_corpus(cls, texts: Iterable[str]) -> CiderD:
        """Count document frequencies; each text (space-separated tokens) is a document."""
        documents, counts = 0, Counter[str]()
        for text in texts:
            documents += 1
            words = text.split()
            counts.update(
                {" ".join(words[i : i + n]) for n in range(1, ORDERS + 1) for i in range(len(words) - n + 1)}
            )
        return cls(documents, counts)

    def to_dict(self) -> dict[str, Any]:
        """Return the document frequencies as JSON: ``documents`` and ``document_frequencies`` above one."""
        return {
            "documents": self.documents,
            "document_frequencies": dict(sorted(self.document_frequencies.items())),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> CiderD:
        """Take back what :meth:`to_dict` gave."""
        return cls(int(state["documents"]), state["document_frequencies"])

    def score(self, candidates: Sequence[str], references: Sequence[str]) -> NDArray[np.float64]:
        """Score each candidate against its own reference.

        Args:
            candidates: Written texts, space-separated tokens ``(pairs,)``.
            references: One reference per candidate ``(pairs,)``.

        Returns:
            CIDEr-D in [0, 10] of each pair ``(pairs,)``.

        Raises:
            ValueError: If the numbers of candidates and references differ.
        """
        if len(candidates) != len(references):
            raise ValueError(
                f"There are {len(candidates)} candidates and {len(references)} references; CIDEr-D needs one "
                "reference per candidate."
            )
        if not candidates:
            return np.zeros(0)
        pairs = dict.fromkeys(zip(candidates, references, strict=True))
        written = self._vectors([candidate for candidate, _ in pairs])
        wanted = self._looked_up([reference for _, reference in pairs])
        place = np.searchsorted(wanted.codes, written.codes)
        place[place == len(wanted.codes)] = 0
        both = np.flatnonzero(wanted.codes[place] == written.codes) if len(wanted.codes) else place[:0]
        reference_values = wanted.values[place[both]]
        products = np.minimum(written.values[both], reference_values) * reference_values
        cells = (written.codes[both] >> _IDENTITY_BITS).astype(np.int64)
        similarity = np.bincount(cells, products, len(pairs) * ORDERS).reshape(-1, ORDERS)
        norms = written.norms * wanted.norms
        similarity = np.divide(similarity, norms, out=np.zeros_like(similarity), where=norms > 0)
        penalty = np.exp(-((written.lengths - wanted.lengths) ** 2) / (2 * SIGMA**2))
        scores = dict(zip(pairs, (10 * similarity.mean(axis=1) * penalty).tolist(), strict=True))
        return np.array([scores[pair] for pair in zip(candidates, references, strict=True)])

    def _looked_up(self, texts: list[str]) -> TextVectors:
        """Return the vectors of references, computing only those not seen before."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self.misses += len(new)
        self.hits += len(texts) - len(new)
        if len(self._known) + len(new) > _CACHED_TEXTS:
            self._known.clear()
            new = list(dict.fromkeys(texts))
        if new:
            self._known.update(zip(new, _separate(self._vectors(new)), strict=True))
        return _joined([self._known[text] for text in texts])

    def _vectors(self, texts: Sequence[str]) -> TextVectors:
        """Compute TF-IDF vectors; no loop runs over words or n-grams."""
        hashes, text_of, counts = self._hashed_words(texts)
        codes, key, here = [], hashes, text_of
        for order in range(ORDERS):
            if order:  # extend every n-gram that does not end its text by one word
                inside = here[: len(key) - 1] == text_of[order:]
                key = key[:-1] * _MULTIPLIER + hashes[order:]
                here = here[:-1]
                kept, where = key[inside], here[inside]
            else:
                kept, where = key, here
            identity = self._table.find(kept)
            cell = where.astype(np.uint64) * np.uint64(ORDERS) + np.uint64(order)
            codes.append(cell << _IDENTITY_BITS | identity)
        entries, term_frequency = np.unique(np.concatenate(codes), return_counts=True)
        identity = entries & np.uint64((1 << int(_IDENTITY_BITS)) - 1)
        known = np.minimum(identity, np.uint64(len(self._weights) - 1)).astype(np.int64)
        values = term_frequency * self._weights[known]
        cells = (entries >> _IDENTITY_BITS).astype(np.int64)
        norms = np.sqrt(np.bincount(cells, values**2, len(texts) * ORDERS)).reshape(-1, ORDERS)
        starts = np.searchsorted(cells, np.arange(len(texts) + 1) * ORDERS)
        return TextVectors(entries, values, norms, np.maximum(counts - 1.0, 0.0), starts)

    def _hashed_words(
        self, texts: Sequence[str]
    ) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
        """Return the hash of every word, the text it stands in, and each text's number of words."""
        split = [text.split() for text in texts]
        counts = np.fromiter(map(len, split), np.int64, len(split))
        words = map(self._word_hashes.__getitem__, itertools.chain.from_iterable(split))
        hashes = np.fromiter(words, np.uint64, int(counts.sum()))
        return hashes, np.repeat(np.arange(len(texts)), counts), counts

    def _keys(self, grams: Iterable[str]) -> NDArray[np.uint64]:
        keys = []
        for gram in grams:
            key = 0
            for word in gram.split():
                key = (key * int(_MULTIPLIER) + self._word_hashes[word]) & 0xFFFFFFFFFFFFFFFF
            keys.append(key)
        return np.array(keys, dtype=np.uint64)


class _WordHashes(dict[str, int]):
    """Word to a 64-bit hash of its letters, the same in every process."""

    def __missing__(self, word: str) -> int:
        value = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
        self[word] = value
        return value


class _HashTable:
    """Numbers n-gram keys from 0; a key it does not hold gets a number of its own beyond them.

    Keys are sorted by their scrambled value, whose leading bits name the bucket to look in.

    Attributes:
        order: Position among the given keys of each numbered key.
    """

    def __init__(self, keys: NDArray[np.uint64]) -> None:
        bits = max(len(keys).bit_length() + 2, 4)
        self._shift = np.uint64(64 - bits)
        scrambled = _scramble(keys)
        self.order = np.argsort(scrambled)
        self._sorted = scrambled[self.order]
        buckets = (self._sorted >> self._shift).astype(np.int64)
        self._starts = np.searchsorted(buckets, np.arange((1 << bits) + 1)).astype(np.int32)
        self._deepest = int(np.diff(self._starts).max(initial=0))
        # A guard that no probe beyond the last key equals by accident.
        self._padded = np.append(self._sorted, np.zeros(self._deepest + 1, np.uint64))

    def find(self, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return the number of each key, below 2^40."""
        scrambled = _scramble(keys)
        bucket = (scrambled >> self._shift).astype(np.int64)
        place = self._starts[bucket].astype(np.int64)
        # 39 bits of hash stand for an unknown n-gram; only n-grams of one pair of texts are ever compared.
        numbers = (scrambled >> np.uint64(25)) + np.uint64(len(self._sorted))
        open_ = np.arange(len(keys))
        for depth in range(self._deepest):
            at = place[open_] + depth
            equal = self._padded[at] == scrambled[open_]
            numbers[open_[equal]] = at[equal].astype(np.uint64)
            open_ = open_[~equal]
            open_ = open_[place[open_] + depth + 1 < self._starts[bucket[open_] + 1]]
            if not len(open_):
                break
        return numbers


def _scramble(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    keys = (keys ^ (keys >> np.uint64(31))) * _MULTIPLIER
    return keys ^ (keys >> np.uint64(29))


def _separate(vectors: TextVectors) -> list[TextVectors]:
    """Cut vectors into one per text, each numbered as text 0."""
    numbers = np.arange(len(vectors.norms), dtype=np.uint64) << _TEXT_BITS
    codes = vectors.codes - np.repeat(numbers, np.diff(vectors.starts))
    ends = vectors.starts.tolist()
    return [
        TextVectors(
            codes[a:b].copy(),
            vectors.values[a:b].copy(),
            vectors.norms[i],
            vectors.lengths[i : i + 1],
            np.array([0, b - a]),
        )
        for i, (a, b) in enumerate(itertools.pairwise(ends))
    ]


def _joined(parts: list[TextVectors]) -> TextVectors:
    """Put vectors of single texts behind each other, numbering the texts."""
    counts = np.fromiter((len(part.codes) for part in parts), np.int64, len(parts))
    numbers = np.arange(len(parts), dtype=np.uint64) << _TEXT_BITS
    return TextVectors(
        np.concatenate([part.codes for part in parts]) + np.repeat(numbers, counts),
        np.concatenate([part.values for part in parts]),
        np.stack([part.norms for part in parts]),
        np.concatenate([part.lengths for part in parts]),
        np.concatenate([[0], np.cumsum(counts)]),
    )
