"""Numbers of a training run, step by step, as one long table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

COLUMNS = ["step", "epoch", "split", "metric", "value"]


class History:
    """Collects (step, epoch, split, metric, value) rows, plain JSON that a checkpoint can keep."""

    def __init__(self, rows: list[dict[str, Any]] | None = None) -> None:
        self.rows = rows if rows is not None else []

    def log(self, step: int, epoch: float, split: str, values: Mapping[str, float]) -> None:
        """Append one row per value."""
        for metric, value in values.items():
            self.rows.append(
                {
                    "step": int(step),
                    "epoch": float(epoch),
                    "split": split,
                    "metric": metric,
                    "value": float(value),
                }
            )

    def last(self, split: str, metric: str) -> float:
        """Return the newest value of a metric."""
        return next(
            float(r["value"]) for r in reversed(self.rows) if r["split"] == split and r["metric"] == metric
        )

    def table(self) -> pd.DataFrame:
        """Return all rows as a DataFrame with the columns of :data:`COLUMNS`."""
        return pd.DataFrame(self.rows, columns=COLUMNS)
