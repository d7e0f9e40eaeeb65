"""Measures of language: how close the words of a generated report are to its reference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from coherent_cxr.evaluation.metrics.measures import Measure, Metric, SumMeasure, mean_measure
from coherent_cxr.rewards.clinical.counts import ORDERS
from coherent_cxr.rewards.language import overlap
from coherent_cxr.rewards.language.cider import CiderD

REPEATS_KEPT = "repeats kept"
"""Marks language metrics of reports whose repeated sentences were not removed."""


def language_measures(
    candidates: Sequence[str], references: Sequence[str], cider: CiderD | None = None
) -> list[Measure]:
    """Return BLEU-1..4, ROUGE-L and CIDEr-D, equal to pycocoevalcap's.

    Args:
        candidates: Generated reports, their tokens joined by spaces, one per study.
        references: Reference reports in the same order and tokenisation.
        cider: The document frequencies of ``references``, which is what pycocoevalcap counts them in; for
            many systems they need to be counted once only.

    Returns:
        Measures over the studies.
    """
    return [
        bleu(candidates, references),
        rouge_l(candidates, references),
        cider_d(candidates, references, cider),
    ]


def bleu(candidates: Sequence[str], references: Sequence[str]) -> SumMeasure:
    """BLEU-1..4 (Papineni et al. 2002) of the whole set, with one brevity penalty for the set."""
    names = [Metric(f"BLEU-{order}") for order in range(1, ORDERS + 1)]
    return SumMeasure(names, overlap.bleu_counts(candidates, references), overlap.bleu_of_counts)


def rouge_l(candidates: Sequence[str], references: Sequence[str]) -> SumMeasure:
    """ROUGE-L (Lin 2004), beta 1.2, mean over studies."""
    return mean_measure([Metric("ROUGE-L")], overlap.rouge_l(candidates, references)[:, None])


def cider_d(candidates: Sequence[str], references: Sequence[str], cider: CiderD | None = None) -> SumMeasure:
    """CIDEr-D (Vedantam et al. 2015), 0 to 10, mean over studies; NaN where it is not defined."""
    if why_not_defined(references):
        scores = np.full(len(candidates), np.nan)
    else:
        scores = (cider or CiderD.from_corpus(references)).score(candidates, references)
    return mean_measure([Metric("CIDEr-D")], scores[:, None])


def why_not_defined(references: Sequence[str]) -> str:
    """Return in a sentence why CIDEr-D is not defined for these references; an empty text where it is.

    It weighs an n-gram by the logarithm of the number of studies over the number of references that have it.
    """
    if len(set(references)) > 1:
        return ""
    alike = "there is one study" if len(references) == 1 else "all references are the same text"
    return f"CIDEr-D is not defined (–): {alike}, so every n-gram has the weight log 1 = 0."
