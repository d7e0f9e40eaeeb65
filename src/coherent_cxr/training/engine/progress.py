"""How far a training run has come: everything a checkpoint keeps beside tensors."""

from __future__ import annotations

import dataclasses
import logging
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from coherent_cxr.training.engine.history import History

logger = logging.getLogger(__name__)


@dataclass
class Progress:
    """Position of a run, its best validation so far, and the history.

    Attributes:
        step: Optimiser steps done.
        epoch: Epochs finished, validation included.
        batches: Batches done of the epoch under way.
        best: Highest value of the number that selects.
        best_step: Step of the weights that reached it, or None.
        waited: Validations since then.
        threads: How many threads computed the steps, one after the other where a run continued with another
            number: only the same number gives the same bytes.
        window: Numbers of the steps since the last row of the history.
        history: Numbers so far.
    """

    step: int = 0
    epoch: int = 0
    batches: int = 0
    best: float = -math.inf
    best_step: int | None = None
    waited: int = 0
    threads: list[int] = field(default_factory=list)
    window: list[dict[str, float]] = field(default_factory=list)
    history: History = field(default_factory=History)

    def note_threads(self, now: int, run: str) -> None:
        """Note how many threads compute a step, and warn where they are others than before."""
        before = self.threads[-1] if self.threads else now
        if before != now:
            logger.warning(
                "%s began with %d threads and continues with %d: its last bits will not be those of an "
                "uninterrupted run. runtime.threads sets their number.",
                run,
                before,
                now,
            )
        if not self.threads or before != now:
            self.threads.append(now)

    def log_window(self, epoch: float) -> None:
        """Put the means of the window into the history as one row, and empty it."""
        means = {name: float(np.mean([numbers[name] for numbers in self.window])) for name in self.window[-1]}
        self.history.log(self.step, epoch, "train", means)
        self.window = []

    def to_json(self) -> dict[str, Any]:
        """Return the state as plain JSON; floats keep every bit."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        best = self.best if math.isfinite(self.best) else None
        return {**values, "best": best, "history": self.history.rows}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Progress:
        """Read what :meth:`to_json` wrote."""
        known = {f.name: values[f.name] for f in dataclasses.fields(cls)}
        best = -math.inf if known["best"] is None else known["best"]
        return cls(**{**known, "best": best, "history": History(known["history"])})
