"""The reward lab's page: one row per text, one column per objective."""

from __future__ import annotations

from importlib.resources import files

import pandas as pd
from jinja2 import Environment, select_autoescape

from coherent_cxr.evaluation.reward_lab.table import PREFERS, RIGHT, failures

MARKS = {PREFERS: "prefers it", RIGHT: "", "cannot tell": "="}

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
    template = (files("coherent_cxr.evaluation.reward_lab") / "templates" / "reward_lab.html").read_text(
        "utf-8"
    )
    environment = Environment(autoescape=select_autoescape(default=True, default_for_string=True))
    return environment.from_string(template).render(
        rows=rows, objectives=objectives, failures=failures(table), marks=MARKS, prefers=PREFERS
    )
