"""What rewards read: reports as texts and as label codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

LabelSource = Callable[[Sequence[str]], NDArray[np.int8]]
"""Gives the label codes ``(texts, 14)`` of texts."""


class Reports:
    """Reports of a batch; labels are read at their first use, and once for equal reports.

    Args:
        texts: Space-separated tokens, each sentence closed by " ." ``(batch,)``.
        labels: Label codes ``(batch, 14)`` in the order of ``OBSERVATIONS`` (1 positive, 0 negative,
            -1 uncertain, 2 absent), or what gives them.

    Attributes:
        texts: As given.
    """

    def __init__(self, texts: Sequence[str], labels: NDArray[np.int8] | LabelSource) -> None:
        self.texts = list(texts)
        self._labels = labels

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def labels(self) -> NDArray[np.int8]:
        """Label codes ``(batch, 14)``."""
        if not callable(self._labels):
            return np.asarray(self._labels)
        unique = {text: place for place, text in enumerate(dict.fromkeys(self.texts))}
        rows = [unique[text] for text in self.texts]
        return np.asarray(self._labels(list(unique))[rows])

    def of(self, chosen: NDArray[np.int64]) -> Reports:
        """Return some of the reports, in the given order."""
        return Reports([self.texts[i] for i in chosen], self.labels[chosen])
