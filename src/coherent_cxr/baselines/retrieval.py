"""What retrieval baselines share: they answer with a report of the training split."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Tokens = list[list[str]]
"""Words of each sentence of a report."""


class TrainingImages(NamedTuple):
    """The training split, one row per image.

    Attributes:
        reports: Report of each image's study.
        features: Mean region feature of each image ``(images, channels)``.
    """

    reports: list[Tokens]
    features: NDArray[np.float32]


class Retriever(ABC):
    """Chooses a training report for each test image."""

    @abstractmethod
    def choose(self, training: TrainingImages, features: NDArray[np.float32]) -> NDArray[np.int64]:
        """Choose reports.

        Args:
            training: The training split.
            features: Mean region feature of each test image ``(test images, channels)``.

        Returns:
            Row of the training image whose report is the answer ``(test images,)``.
        """
