"""Generated words with their attention, as pages show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class WordAttention(NamedTuple):
    """One generated word, or the finding token in front of a sentence.

    Attributes:
        word: The word; of a finding token, the observation; of a section's mark, the section.
        regions: Share of attention on each region ``(rows, columns)``, 0 to 1.
        sentinel: Share on the visual sentinel: 0 to 1, 1 ignores the image; all shares sum to one.
        is_finding_token: Whether it is a finding token or a section's mark, which are no part of the report.
    """

    word: str
    regions: NDArray[np.float32]
    sentinel: float
    is_finding_token: bool = False


def words_of(sentences: Sequence[Sequence[WordAttention]]) -> list[list[str]]:
    """Return the words of each sentence, without finding tokens."""
    return [[word.word for word in sentence if not word.is_finding_token] for sentence in sentences]
