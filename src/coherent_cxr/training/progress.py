"""How far a training run has come: everything a checkpoint keeps beside tensors."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from coherent_cxr.training.history import History


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
        window: Numbers of the steps since the last row of the history.
        history: Numbers so far.
    """

    step: int = 0
    epoch: int = 0
    batches: int = 0
    best: float = -math.inf
    best_step: int | None = None
    waited: int = 0
    window: list[dict[str, float]] = field(default_factory=list)
    history: History = field(default_factory=History)

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
