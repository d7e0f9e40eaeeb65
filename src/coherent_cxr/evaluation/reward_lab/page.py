"""The reward lab's page: one row per comparison of two texts, one column per objective."""

from __future__ import annotations

from typing import Any

import pandas as pd

from coherent_cxr.evaluation.reward_lab.table import PREFERS, RIGHT, TIES, failures
from coherent_cxr.pages import rendering

MARKS = {PREFERS: "✗", RIGHT: "✓", TIES: "="}

KEYS = ("better", "wrong", "references")


def render(table: pd.DataFrame) -> str:
    """Render the table as a page without scripts.

    Args:
        table: What :func:`.table.compare` gave.
    """
    verdicts = table.pivot_table(
        index=list(KEYS),
        columns="objective",
        values="verdict",
        aggfunc="first",
        sort=False,
    )
    objectives = list(dict.fromkeys(table["objective"]))
    rows = [
        {**dict(zip(KEYS, key, strict=True)), "verdicts": cells}
        for key, cells in zip(verdicts.index.tolist(), verdicts[objectives].values.tolist(), strict=True)
    ]
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(str(row["better"]), []).append(row)
    return rendering.render(
        __package__,
        "reward_lab.html",
        groups=groups,
        objectives=objectives,
        failures=failures(table),
        marks=MARKS,
        prefers=PREFERS,
    )
