"""What label baselines share."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray


class LabelGuesser(ABC):
    """Gives label codes and no text."""

    @abstractmethod
    def guess(self, training: NDArray[np.int8], studies: int) -> NDArray[np.int8]:
        """Guess the labels of studies.

        Args:
            training: Label codes of the training split ``(training studies, 14)``.
            studies: Number of studies.

        Returns:
            Label codes ``(studies, 14)``.
        """
