"""Measures of language: how close the words of a generated report are to its reference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from coherent_cxr.evaluation.metrics.measures import Array, Measure, Metric, SumMeasure, mean_measure

ORDERS = 4
REPEATS_KEPT = "repeats kept"
"""Marks language metrics of reports whose repeated sentences were not removed."""
# pycocoevalcap's guards against division by zero; kept so that its numbers are met to the last digit.
SMALL, TINY = 1e-9, 1e-15


def language_measures(candidates: Sequence[str], references: Sequence[str]) -> list[Measure]:
    """Return BLEU-1..4, ROUGE-L and CIDEr-D, computed through pycocoevalcap.

    Args:
        candidates: Generated reports, their tokens joined by spaces, one per study.
        references: Reference reports in the same order and tokenisation.

    Returns:
        Measures over the studies. CIDEr-D counts document frequencies in ``references``, as pycocoevalcap
        does.
    """
    return [bleu(candidates, references), rouge_l(candidates, references), cider_d(candidates, references)]


def bleu(candidates: Sequence[str], references: Sequence[str]) -> SumMeasure:
    """BLEU-1..4 (Papineni et al. 2002) of the whole set, with one brevity penalty for the set."""
    from pycocoevalcap.bleu.bleu_scorer import cook_refs, cook_test

    rows = []
    for candidate, reference in zip(candidates, references, strict=True):
        counted = cook_test(candidate, cook_refs([reference], n=ORDERS), eff="closest", n=ORDERS)
        rows.append([*counted["correct"], *counted["guess"], counted["testlen"], counted["reflen"]])
    names = [Metric(f"BLEU-{order}") for order in range(1, ORDERS + 1)]
    return SumMeasure(names, np.asarray(rows, dtype=np.float64), _bleu_of_counts)


def _bleu_of_counts(sums: Array) -> Array:
    correct, guess = sums[:, :ORDERS], sums[:, ORDERS : 2 * ORDERS]
    generated_words, reference_words = sums[:, -2], sums[:, -1]
    precision = np.cumprod((correct + TINY) / (guess + SMALL), axis=1)
    mean = precision ** (1 / np.arange(1, ORDERS + 1))
    length = (generated_words + TINY) / (reference_words + SMALL)
    penalty = np.where(length < 1, np.exp(1 - 1 / np.minimum(length, 1)), 1.0)
    return np.asarray(mean * penalty[:, None])


def rouge_l(candidates: Sequence[str], references: Sequence[str]) -> SumMeasure:
    """ROUGE-L (Lin 2004), beta 1.2, mean over studies."""
    from pycocoevalcap.rouge.rouge import Rouge

    rouge = Rouge()
    scores = [rouge.calc_score([c], [r]) for c, r in zip(candidates, references, strict=True)]
    return mean_measure([Metric("ROUGE-L")], np.asarray(scores, dtype=np.float64)[:, None])


def cider_d(candidates: Sequence[str], references: Sequence[str]) -> SumMeasure:
    """CIDEr-D (Vedantam et al. 2015), 0 to 10, mean over studies; NaN where it is not defined."""
    from pycocoevalcap.cider.cider_scorer import CiderScorer

    scorer = CiderScorer(n=ORDERS)
    for candidate, reference in zip(candidates, references, strict=True):
        scorer += (candidate, [reference])
    _, scores = scorer.compute_score()
    if why_not_defined(references):
        scores = np.full(len(candidates), np.nan)
    return mean_measure([Metric("CIDEr-D")], np.asarray(scores, dtype=np.float64)[:, None])


def why_not_defined(references: Sequence[str]) -> str:
    """Return in a sentence why CIDEr-D is not defined for these references; an empty text where it is.

    It weighs an n-gram by the logarithm of the number of studies over the number of references that have it.
    """
    if len(set(references)) > 1:
        return ""
    alike = "there is one study" if len(references) == 1 else "all references are the same text"
    return f"CIDEr-D is not defined (–): {alike}, so every n-gram has the weight log 1 = 0."
