"""Means of F1 over labels by name: one definition for training, the choice of a model, judging and the docs.

``macro-F1`` has meant several things; here every mean says over which labels it is taken. What an uncertain
label counts as is decided before. "No Finding" is one of the 14 labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.observations import Live, how_many

FIVE: Final = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")
"""The five competition tasks of Irvin et al. 2019, the usual short list."""


class F1Mean(NamedTuple):
    """One mean of F1.

    Attributes:
        name: As tables show it; histories write it ``macro_f1``.
        average: ``macro``: mean of the labels' F1, one that is neither called nor positive counting 0;
            ``micro``: F1 of the labels' pooled counts; ``weighted``: mean in which a label counts as often as
            it is positive in the references.
        labels: The labels in words.
        among: The labels it may be taken over.
        at_least: Positive references that a label must have to count; in a resample, those of the whole set.
    """

    name: str
    average: Literal["macro", "micro", "weighted"]
    labels: str
    among: Sequence[str] = OBSERVATIONS
    at_least: int = 0

    @property
    def key(self) -> str:
        """The name in histories and files."""
        return self.name.lower().replace("-", "_")

    def columns(self, positives: NDArray[np.integer]) -> NDArray[np.intp]:
        """Return the positions of the labels it is taken over.

        Args:
            positives: Positive references of each of the 14 labels ``(14,)``.
        """
        among = np.isin(list(OBSERVATIONS), list(self.among))
        return np.flatnonzero(among & (np.asarray(positives) >= self.at_least))


MACRO_F1: Final = F1Mean("macro-F1", "macro", "labels with a positive reference", at_least=1)


def _means() -> list[F1Mean]:
    labels, count = how_many(), len(OBSERVATIONS)
    means = [
        F1Mean(f"micro-{count}-F1", "micro", labels),
        F1Mean(f"macro-{count}-F1", "macro", labels),
        MACRO_F1,
        F1Mean("macro-F1-10", "macro", "labels with 10 positive references", at_least=10),
        F1Mean("weighted-F1", "weighted", labels),
    ]
    if set(FIVE) <= set(OBSERVATIONS):
        means.append(F1Mean("micro-5-F1", "micro", "5 labels", FIVE))
    return means


F1_MEANS: Final = Live(_means)
"""All of them; where the labels are others, their number stands in the names in the place of 14."""


def f1_of(
    hits: NDArray[np.float64], called: NDArray[np.float64], held: NDArray[np.float64]
) -> NDArray[np.float64]:
    """F1 from counts of equal shapes: 2 hits / (called + held), 0 where nothing is called or held."""
    below = called + held
    return np.asarray(np.divide(2 * hits, below, out=np.zeros(np.shape(below)), where=below != 0))


def f1_means(called: NDArray[np.bool_], held: NDArray[np.bool_]) -> dict[str, float]:
    """Return every mean of :data:`F1_MEANS` by its key; one without any label to be taken over is left out.

    Args:
        called: Positive labels of the generated reports ``(reports, 14)``.
        held: Those of their references, in the same order.
    """
    counts = np.stack([called & held, called, held]).sum(axis=1).astype(np.float64)  # (3, 14)
    means = {}
    for mean in F1_MEANS:
        chosen = counts[:, mean.columns(counts[2].astype(np.int64))]
        if chosen.shape[1]:
            pooled = chosen.sum(axis=1, keepdims=True) if mean.average == "micro" else chosen
            f1, held_by_label = f1_of(*pooled), pooled[2]
            if mean.average == "weighted":
                means[mean.key] = float((f1 * held_by_label).sum() / max(held_by_label.sum(), 1))
            else:
                means[mean.key] = float(f1.mean())
    return means
