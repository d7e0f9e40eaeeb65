"""Training histories and headline metrics as MLflow metrics."""

from __future__ import annotations

import posixpath
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities import Metric


FIRST = ("BLEU-4", "CIDEr-D", "macro-F1-10")
"""The numbers of the headline that become metrics of a run, clinical ones by the first judge."""


def history_metrics(dataset: str, history: pd.DataFrame) -> tuple[str, list[Metric]]:
    """Turn a history (step, epoch, split, metric, value, perhaps system) into MLflow metrics with steps.

    Args:
        dataset: ``<name>_history`` or ``<system>.<name>_history``.
        history: The long table.

    Returns:
        The training's name, such as ``mle`` or ``full``, and its metrics, named ``<split>/<metric>``; of a
        stage that trains several systems ``<split>/<system>/<metric>``, as ``train/tienet/word_loss``.
    """
    from mlflow.entities import Metric

    system = dataset.split(".")[0].removesuffix("_history")
    now = int(time.time() * 1000)
    metrics = history["metric"] if "system" not in history else history["system"] + "/" + history["metric"]
    columns = (history["split"], metrics, history["value"], history["step"])
    return system, [
        Metric(allowed_name(f"{split}/{metric}"), float(value), now, int(step))
        for split, metric, value, step in zip(*columns, strict=True)
    ]


def summary_metrics(summary: Mapping[str, Mapping[str, Any]], trained: list[str]) -> list[Metric]:
    """Turn the first numbers of ``{system: {metric: value}}`` into metrics named ``<metric>/<system>``.

    Those of the trained generators come first. All other numbers are in a table beside them.
    """
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    every = dict.fromkeys(name for numbers in summary.values() for name in numbers)
    by_first = {first: [n for n in every if n == first or n.startswith(f"{first} ")] for first in FIRST}
    first_of = {names[0]: first for first, names in by_first.items() if names}
    return [
        Metric(allowed_name(f"{first_of[name]}/{system}"), float(value), now, 0)
        for system, numbers in sorted(summary.items(), key=lambda item: item[0] not in trained)
        for name, value in numbers.items()
        if name in first_of and isinstance(value, int | float) and not isinstance(value, bool)
    ]


def allowed_name(name: str) -> str:
    """Replace every character that MLflow does not allow in the name of a metric or parameter."""
    name = re.sub(r"[^\w\-. /]", "_", name)
    # a path that is written in another way than the shortest is refused, too
    return name if posixpath.normpath(name) == name else name.replace("/", "_")
