"""Training histories and headline metrics as MLflow metrics."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities import Metric


def history_metrics(dataset: str, history: pd.DataFrame) -> list[Metric]:
    """Turn a history (step, epoch, split, metric, value, perhaps system) into MLflow metrics with steps.

    Args:
        dataset: ``<name>_history`` or ``<system>.<name>_history``.
        history: The long table.

    Returns:
        Metrics named ``<name or system>/<split>/<metric>``, for example ``mle/train/word_loss``;
        of a stage that trains several systems, ``baselines/train/tienet/word_loss``.
    """
    from mlflow.entities import Metric

    system = dataset.split(".")[0].removesuffix("_history")
    now = int(time.time() * 1000)
    metrics = history["metric"] if "system" not in history else history["system"] + "/" + history["metric"]
    columns = (history["split"], metrics, history["value"], history["step"])
    return [
        Metric(metric_name(f"{system}/{split}/{metric}"), float(value), now, int(step))
        for split, metric, value, step in zip(*columns, strict=True)
    ]


def summary_metrics(summary: Mapping[str, Mapping[str, Any]]) -> list[Metric]:
    """Turn ``{system: {metric: value}}`` into metrics named ``<system>/<metric>``; only numbers count."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    return [
        Metric(metric_name(f"{system}/{name}"), float(value), now, 0)
        for system, numbers in summary.items()
        for name, value in numbers.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]


def metric_name(name: str) -> str:
    """Replace every character that MLflow does not allow in a metric's name."""
    return re.sub(r"[^\w\-. /]", "_", name)
