"""CIDEr-D (Vedantam et al. 2015, section 5), vectorised, with document frequencies fixed beforehand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.rewards.clinical.counts import (
    CHUNK,
    ORDERS,
    TEXT,
    count_ngrams,
    frequencies,
    matches,
    ngram_numbers,
    sums_by_order,
)
from coherent_cxr.rewards.language.ngrams import NumberedKeys, phrase_keys

SIGMA: Final = 6.0
_CACHED_TEXTS: Final = 65_536


class TextVectors(NamedTuple):
    """Term frequencies of several texts.

    Attributes:
        entries: n-grams and their frequencies, as in :mod:`.counts` ``(entries,)``.
        squares: Squared norm of the TF-IDF vector of each order ``(texts, 4)``.
        lengths: Number of bigrams, which is what the length penalty compares ``(texts,)``.
    """

    entries: NDArray[np.uint64]
    squares: NDArray[np.float64]
    lengths: NDArray[np.float64]


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
        self._numbering = NumberedKeys(phrase_keys(list(self.document_frequencies)))
        weights = np.full(
            self._numbering.size + 1, np.log(documents)
        )  # that of everything unknown stands last
        weights[self._numbering.numbers] -= np.log(list(self.document_frequencies.values()))
        self._squared_weights = weights**2
        self._references: dict[str, tuple[NDArray[np.uint64], list[float]]] = {}
        self.hits = 0
        self.misses = 0

    @classmethod
    def from_corpus(cls, texts: Iterable[str]) -> CiderD:
        """Count document frequencies; each text (space-separated tokens) is a document.

        The texts are remembered as references, which they usually are next.
        """
        texts = list(texts)
        counts = Counter[str]()
        for text in texts:
            words = text.split()
            counts.update(
                {" ".join(words[i : i + n]) for n in range(1, ORDERS + 1) for i in range(len(words) - n + 1)}
            )
        scorer = cls(len(texts), counts)
        scorer._remember(list(dict.fromkeys(texts[:_CACHED_TEXTS])))
        return scorer

    def to_dict(self) -> dict[str, Any]:
        """Return the document frequencies as JSON: ``documents`` and ``document_frequencies`` above one."""
        return {
            "documents": self.documents,
            "document_frequencies": dict(sorted(self.document_frequencies.items())),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> CiderD:
        """Restore what :meth:`to_dict` gave."""
        return cls(int(state["documents"]), state["document_frequencies"])

    def score(self, candidates: Sequence[str], references: Sequence[str]) -> NDArray[np.float64]:
        """Score each candidate against its own reference.

        Args:
            candidates: Generated texts, space-separated tokens ``(pairs,)``.
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
        pairs = list(dict.fromkeys(zip(candidates, references, strict=True)))
        scores: dict[tuple[str, str], float] = {}
        for start in range(0, len(pairs), CHUNK):
            chunk = pairs[start : start + CHUNK]
            scores.update(zip(chunk, self._score_chunk(chunk).tolist(), strict=True))
        return np.array([scores[pair] for pair in zip(candidates, references, strict=True)])

    def _score_chunk(self, pairs: list[tuple[str, str]]) -> NDArray[np.float64]:
        generated = self._vectors([candidate for candidate, _ in pairs])
        expected = self._looked_up([reference for _, reference in pairs])
        shared, in_candidate, in_reference = matches(generated.entries, expected.entries)
        clipped = np.minimum(in_candidate, in_reference) * in_reference
        products = sums_by_order(shared, clipped * self._weights_of(shared), len(pairs))
        norms = np.sqrt(generated.squares * expected.squares)
        similarity = np.divide(products, norms, out=np.zeros_like(products), where=norms > 0)
        penalty = np.exp(-((generated.lengths - expected.lengths) ** 2) / (2 * SIGMA**2))
        return np.asarray(10 * similarity.mean(axis=1) * penalty)

    def _weights_of(self, entries: NDArray[np.uint64]) -> NDArray[np.float64]:
        """Return the squared inverse document frequency of each n-gram."""
        return self._squared_weights.take(ngram_numbers(entries), mode="clip")

    def _vectors(self, texts: list[str]) -> TextVectors:
        counted = count_ngrams(texts, self._numbering)
        weights = frequencies(counted.entries) ** 2 * self._weights_of(counted.entries)
        squares = sums_by_order(counted.entries, weights, len(texts))
        return TextVectors(counted.entries, squares, np.maximum(counted.words - 1.0, 0.0))

    def _looked_up(self, texts: list[str]) -> TextVectors:
        """Return the vectors of references, computing only those not seen before."""
        new = [text for text in dict.fromkeys(texts) if text not in self._references]
        self.misses += len(new)
        self.hits += len(texts) - len(new)
        if len(self._references) + len(new) > _CACHED_TEXTS:
            self._references.clear()
            new = list(dict.fromkeys(texts))
        self._remember(new)
        known = [self._references[text] for text in texts]
        counts = np.fromiter((len(entries) for entries, _ in known), np.int64, len(known))
        entries: NDArray[np.uint64] = np.concatenate([entries for entries, _ in known])
        entries |= np.repeat(np.arange(len(known), dtype=np.uint64) << TEXT, counts)
        numbers = np.array([numbers for _, numbers in known])
        return TextVectors(entries, numbers[:, :-1], numbers[:, -1])

    def _remember(self, new: list[str]) -> None:
        """Compute the vectors of references, each of which stands once."""
        for start in range(0, len(new), CHUNK):
            texts = new[start : start + CHUNK]
            vectors = self._vectors(texts)
            text_of = vectors.entries >> TEXT
            cuts = np.searchsorted(text_of, np.arange(1, len(texts), dtype=np.uint64))
            parts = np.split(vectors.entries ^ text_of << TEXT, cuts)
            numbers = np.column_stack([vectors.squares, vectors.lengths]).tolist()
            self._references.update(zip(texts, zip(parts, numbers, strict=True), strict=True))
