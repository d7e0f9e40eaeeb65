"""The training loop with a callback after every step."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.runtime.interruption import Interruption
from coherent_cxr.training.engine.loop import Loop

AfterStep = Callable[[int, Mapping[str, float]], Mapping[str, float]]
"""(steps done, numbers of the whole batch) -> further numbers to log."""


@dataclass
class WatchedLoop(Loop):
    """A loop that shows each step's numbers, averaged over its parts and ranks, to a function in every rank.

    So state kept between steps (moving averages, the collapse count) is the same in every rank and is
    checkpointed with its step.

    Attributes:
        after_step: The function; an error it raises ends the run, an EndedEarlyError with the kept weights.
        uses: Optimiser steps on each batch. All of them have the same step number, by which the train step
            recognises a batch whose reports it has sampled already.
    """

    after_step: AfterStep = lambda step, numbers: {}
    uses: int = 1

    def _step(self, chosen: NDArray[np.int64], interruption: Interruption) -> dict[str, float]:
        began = time.perf_counter()
        numbers = super()._step(chosen, interruption)
        for _ in range(self.uses - 1):
            numbers |= super()._step(chosen, interruption)
        numbers["step_seconds"] = time.perf_counter() - began
        return {**numbers, **self.after_step(self.progress.step + 1, numbers)}
