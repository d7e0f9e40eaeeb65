"""Major class: each label's most frequent outcome in the training split; labels only, no text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.baselines.labels import LabelGuesser
from coherent_cxr.chexpert import NEGATIVE, POSITIVE, UNCERTAIN
from coherent_cxr.chexpert.codes import ABSENT


class MajorClass(LabelGuesser):
    """The same labels for every study."""

    def guess(self, training: NDArray[np.int8], studies: int) -> NDArray[np.int8]:
        """Return the most frequent code of each observation, once per study.

        Args:
            training: Label codes of the training split ``(training studies, 14)``: 1, 0, -1 or 2 (absent).
            studies: Number of test studies.

        Returns:
            Codes ``(studies, 14)``; of equally frequent ones, absent before negative, positive, uncertain.
        """
        codes = np.array([ABSENT, NEGATIVE, POSITIVE, UNCERTAIN], dtype=np.int8)
        counts = (training[None] == codes[:, None, None]).sum(axis=1)  # (codes, 14)
        return np.tile(codes[counts.argmax(axis=0)], (studies, 1))
