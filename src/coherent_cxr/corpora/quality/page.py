"""The quality report as one self-contained page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from coherent_cxr.pages import rendering
from coherent_cxr.pages.reasons import in_words

SHARES = {"share", "share positive"}
BARS = {"count", "studies", "images", "positive"}
LEAK = "leak"


def render(tables: Mapping[str, pd.DataFrame]) -> str:
    """Render tables as a page without scripts that prints well.

    Args:
        tables: Heading to table; columns of counts get bars, shares become per cent.

    Returns:
        HTML.
    """
    return rendering.render(
        "coherent_cxr.corpora.quality",
        "quality.html",
        tables={name: (list(table.columns), _rows(table)) for name, table in tables.items()},
        alarms=[text for table in tables.values() for text in _alarms(table)],
    )


def _alarms(table: pd.DataFrame) -> list[str]:
    """Say which splits share what they must not."""
    if not {"check", "splits", "shared", "studies touched", "verdict"} <= set(table.columns):
        return []
    return [
        f"Leakage: {row['splits']} share {_counted(row['shared'], row['check'])}; {row['studies touched']:,} "
        "studies are touched. Results on the later split flatter every system. Split again by patient."
        for row in table[table["verdict"] == LEAK].to_dict("records")
    ]


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def _rows(table: pd.DataFrame) -> list[list[dict[str, Any]]]:
    numeric = {name: table[name].abs().max() for name in table if pd.api.types.is_numeric_dtype(table[name])}
    return [
        [
            {
                "text": _text(name, value),
                "number": name in numeric,
                "alarm": value == LEAK,
                "bar": round(100 * value / numeric[name], 1) if name in BARS and numeric.get(name) else None,
            }
            for name, value in record.items()
        ]
        for record in table.to_dict("records")
    ]


def _text(name: object, value: Any) -> str:
    if name == "outcome":
        return in_words(str(value))
    if name in SHARES:
        return f"{100 * value:.1f} %"
    if isinstance(value, float):
        return f"{value:,.1f}".removesuffix(".0")
    return f"{value:,}" if isinstance(value, int) else str(value)
