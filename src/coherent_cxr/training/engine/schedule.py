"""The learning rate over a run."""

from __future__ import annotations

import math


def one_cycle(progress: float, warm_up: float = 0.25) -> float:
    """Share of the peak learning rate at a share of the run: linear up, cosine down (Smith 2018)."""
    if progress < warm_up:
        return 0.04 + 0.96 * progress / warm_up
    return 0.5 * (1 + math.cos(math.pi * min((progress - warm_up) / (1 - warm_up), 1))) + 1e-4
