"""Training that ends before its time, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from torch import Tensor

from coherent_cxr.training.engine.history import History
from coherent_cxr.training.engine.progress import Progress


class TrainingDivergedError(RuntimeError):
    """A loss, gradient or weight that is not finite; the message names the step."""


class EndedEarlyError(RuntimeError):
    """Raised by a step, or by the inspection of a validation, to end a run early.

    Attributes:
        history: The run's history up to there, filled in by the loop.
    """

    history: pd.DataFrame = History().table()


def refuse_infinity(run: str, what: str, value: float, progress: Progress, checkpoints: Path) -> None:
    """Stop a run if a number is not finite.

    Args:
        run: Name of the run.
        what: What the number is.
        value: The number.
        progress: Where the run stands.
        checkpoints: Its folder.

    Raises:
        TrainingDivergedError: If the number is infinite or not a number.
    """
    if not math.isfinite(value):
        raise TrainingDivergedError(
            f"{run}: the {what} became {value} at step {progress.step} (epoch {progress.epoch + 1}). The "
            f"last good checkpoint lies in '{checkpoints}'. Lower the learning rate and run again."
        )


def refuse_infinite_tensors(
    run: str, tensors: Mapping[str, Tensor], progress: Progress, checkpoints: Path
) -> None:
    """Stop a run before it saves weights or moments that are not finite; see :func:`refuse_infinity`."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point():
            total = float(tensor.double().sum())
            refuse_infinity(run, f"sum of the tensor '{name}'", total, progress, checkpoints)
