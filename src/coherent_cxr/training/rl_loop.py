"""The training loop with a look at every step's numbers as a whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coherent_cxr.training.checkpoint import Checkpoints, unpack
from coherent_cxr.training.distributed import current_world
from coherent_cxr.training.loop import Loop
from coherent_cxr.training.progress import Progress

AfterStep = Callable[[int, Mapping[str, float]], Mapping[str, float]]
"""(steps done, numbers of the whole batch) -> further numbers to log."""


@dataclass(frozen=True)
class WatchedLoop(Loop):
    """A loop that shows each step's numbers, averaged over its parts and ranks, to a function in every rank.

    What is remembered from step to step (moving averages, a watch) then is the same in every rank, and is
    checkpointed with the step it belongs to.

    Attributes:
        after_step: The function; an error it raises ends the run.
    """

    after_step: AfterStep = lambda step, numbers: {}

    def last_checkpoint(self) -> pd.DataFrame:
        """Put the last checkpoint's weights into the model and return the history up to there."""
        world, store = current_world(), Checkpoints(self.checkpoints)
        saved = world.from_leader(store.load() if world.leads else None)
        if saved is None:
            raise FileNotFoundError(f"There is no checkpoint of {self.name} in '{self.checkpoints}'.")
        state, tensors = saved
        unpack(tensors, self.model, self.optimizer)
        return Progress.from_json(state).history.table()

    def _step(self, progress: Progress, chosen: NDArray[np.int64]) -> dict[str, float]:
        began = time.perf_counter()
        numbers = super()._step(progress, chosen)
        numbers["step_seconds"] = time.perf_counter() - began
        return {**numbers, **self.after_step(progress.step + 1, numbers)}
