"""The quality report as one self-contained page."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import pandas as pd
from jinja2 import Environment, select_autoescape

SHARES = {"share", "share positive"}
BARS = {"count", "studies", "images", "positive"}


def render(tables: Mapping[str, pd.DataFrame]) -> str:
    """Render tables as a page without scripts that prints well.

    Args:
        tables: Heading to table; columns of counts get bars, shares become per cent.

    Returns:
        HTML.
    """
    template = (files("coherent_cxr.corpora.quality") / "templates" / "quality.html").read_text("utf-8")
    environment = Environment(autoescape=select_autoescape(default=True, default_for_string=True))
    return environment.from_string(template).render(
        tables={name: (list(table.columns), _rows(table)) for name, table in tables.items()}
    )


def _rows(table: pd.DataFrame) -> list[list[dict[str, Any]]]:
    numeric = {name: table[name].abs().max() for name in table if pd.api.types.is_numeric_dtype(table[name])}
    return [
        [
            {
                "text": _text(name, value),
                "number": name in numeric,
                "bar": round(100 * value / numeric[name], 1) if name in BARS and numeric.get(name) else None,
            }
            for name, value in record.items()
        ]
        for record in table.to_dict("records")
    ]


def _text(name: object, value: Any) -> str:
    if name in SHARES:
        return f"{100 * value:.1f} %"
    if isinstance(value, float):
        return f"{value:,.1f}".removesuffix(".0")
    return f"{value:,}" if isinstance(value, int) else str(value)
