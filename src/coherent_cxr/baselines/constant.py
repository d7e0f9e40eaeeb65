"""Constant: one report for every image, the training report that scores best against the training split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.baselines.retrieval import Retriever, TrainingImages
from coherent_cxr.reports.text import metric_text

ORDERS = 4


class Constant(Retriever):
    """The training report with the highest BLEU-4 against all training reports, whatever the image.

    What remains of a language score when nothing is seen: on Open-I such a report beats trained generators.
    """

    def choose(self, training: TrainingImages, features: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the same row for every test image; of equally good reports the first."""
        best = int(bleu_as_constant([metric_text(report) for report in training.reports]).argmax())
        return np.full(len(features), best, dtype=np.int64)


def bleu_as_constant(texts: Sequence[str]) -> NDArray[np.float64]:
    """Return each text's corpus BLEU-4 if it stood for every text, exactly and in time linear in the words.

    The clipped matches of a candidate that has an n-gram c times are the sum over texts of min(c, count in
    text): the number of texts with it at least once, plus those with it at least twice, up to c times.

    Args:
        texts: Space-separated tokens.

    Returns:
        BLEU-4 of each ``(texts,)``.
    """
    counts = [ngrams(text.split()) for text in texts]
    with_at_least: Counter[tuple[tuple[str, ...], int]] = Counter()
    for counted in counts:
        with_at_least.update((gram, i) for gram, times in counted.items() for i in range(1, times + 1))
    lengths = np.array([len(text.split()) for text in texts], dtype=np.float64)
    matches = np.zeros((len(texts), ORDERS))
    for row, counted in enumerate(counts):
        for gram, times in counted.items():
            matches[row, len(gram) - 1] += sum(with_at_least[gram, i] for i in range(1, times + 1))
    possible = np.maximum(lengths[:, None] - np.arange(ORDERS), 0) * len(texts)
    precision = np.divide(matches, possible, out=np.zeros_like(matches), where=possible > 0)
    penalty = np.exp(np.minimum(1 - lengths.mean() / np.maximum(lengths, 1e-9), 0))
    bleu: NDArray[np.float64] = penalty * precision.prod(axis=1) ** (1 / ORDERS)
    return bleu


def ngrams(words: Sequence[str]) -> Counter[tuple[str, ...]]:
    """Count the n-grams of orders 1 to 4."""
    return Counter(tuple(words[i : i + n]) for n in range(1, ORDERS + 1) for i in range(len(words) - n + 1))
