"""Which studies to show: a mixed sample, and the best and worst of one system by clinical agreement."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def choose_samples(codes: NDArray[np.int8], count: int, seed: int) -> list[int]:
    """Choose studies at random, but so that every observation is shown if the test split has it.

    Args:
        codes: Reference label codes ``(studies, 14)``.
        count: Number of studies.
        seed: Seed of the choice.

    Returns:
        Rows of the chosen studies, in rising order.
    """
    order = np.random.default_rng(seed).permutation(len(codes))
    chosen: list[int] = []
    for column in range(codes.shape[1]):
        if not any(codes[row, column] == 1 for row in chosen):
            chosen += [int(row) for row in order if codes[row, column] == 1][:1]
    chosen += [int(row) for row in order if row not in chosen]
    return sorted(chosen[:count])


def agreement(generated: NDArray[np.int8], references: NDArray[np.int8]) -> NDArray[np.int64]:
    """Return positive findings in common minus those missed and those invented, without "No Finding".

    Args:
        generated: Label codes of the reports ``(studies, 14)``.
        references: Label codes of their references ``(studies, 14)``.

    Returns:
        One number per study; 0 for a normal study described as normal.
    """
    predicted, expected = generated[:, 1:] == 1, references[:, 1:] == 1
    return np.asarray((predicted & expected).sum(axis=1) - (predicted ^ expected).sum(axis=1), dtype=np.int64)


def best_and_worst(
    generated: NDArray[np.int8], references: NDArray[np.int8], count: int
) -> tuple[list[int], list[int]]:
    """Return the rows of the studies with the highest and with the lowest agreement, ties in order."""
    scores = agreement(generated, references)
    order = np.argsort(-scores, kind="stable")
    best = [int(row) for row in order[:count] if scores[row] > 0]
    worst = [int(row) for row in order[::-1][:count] if scores[row] < 0]
    return best, worst
