"""The page about drift: a table by day, alarms in words."""

from __future__ import annotations

import pandas as pd

from coherent_cxr.pages.rendering import render
from coherent_cxr.serving.monitoring.drift import FEWEST, Cell, days_of, means, with_shares
from coherent_cxr.serving.monitoring.measures import FINDINGS, MEASURES, RATES

MOST_DAYS = 90


def drift_page(
    log: pd.DataFrame,
    reference: pd.DataFrame | None,
    refusals: pd.DataFrame | None = None,
    shadow: pd.DataFrame | None = None,
) -> str:
    """Return the page, HTML that needs no script and nothing from elsewhere.

    Args:
        log: Rows of a drift log.
        reference: Rows of the log of the validation studies; None shows the days alone.
        refusals: ``day`` and ``studies`` without a report.
        shadow: Agreements of champion and challenger.
    """
    days = days_of(log, reference)
    shown = [column for column in (*MEASURES, *RATES, *FINDINGS) if log[column].notna().any()]
    refused = {} if refusals is None else dict(zip(refusals["day"], refusals["studies"], strict=True))
    return render(
        "coherent_cxr.serving.monitoring",
        "drift.html",
        days=days[:MOST_DAYS],
        older=max(0, len(days) - MOST_DAYS),
        alarms=[alarm for day in days[:MOST_DAYS] for alarm in day.alarms],
        numbers=[(column, column, _meaning(column)) for column in shown if column not in FINDINGS],
        findings=[(column, FINDINGS[column], _meaning(column)) for column in shown if column in FINDINGS],
        validation=None if reference is None else means(with_shares(reference)),
        validation_reports=0 if reference is None else len(reference),
        few=[day.name for day in days[:MOST_DAYS] if day.reports < FEWEST],
        fewest=FEWEST,
        refused={f"{day // 10_000:04}-{day // 100 % 100:02}-{day % 100:02}": n for day, n in refused.items()},
        shadow=_shadow_rows(shadow),
        value=_shown,
    )


def _meaning(column: str) -> str:
    return MEASURES.get(column) or RATES.get(column) or f"reports with {FINDINGS[column]}"


def _shown(column: str, cell: Cell) -> str:
    if cell.value is None:
        return "–"
    return f"{cell.value:.3g}" if column in MEASURES else f"{cell.value:.0%}"


def _shadow_rows(shadow: pd.DataFrame | None) -> list[dict[str, object]]:
    if shadow is None or shadow.empty:
        return []
    kinds = ["both", "champion_only", "challenger_only", "neither"]
    table = shadow.groupby("finding", sort=False)[kinds].sum().reset_index()
    table["apart"] = (table["champion_only"] + table["challenger_only"]) / table[kinds].sum(axis=1)
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
