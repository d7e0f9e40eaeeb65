"""Days of a log against validation: what differs, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd
from scipy.stats import fisher_exact, ttest_ind_from_stats

from coherent_cxr.serving.monitoring.measures import FINDINGS, MEASURES, RATES

ALPHA = 0.01
"""Chance of a false alarm on a day; it is divided by the comparisons of the day (Bonferroni)."""
FEWEST = 10
"""Reports of a day, and of validation, below which nothing is compared."""


class Cell(NamedTuple):
    """A number of a day.

    Attributes:
        value: Mean or share; None where nothing was measured.
        reports: How many reports it is of.
        alarm: What is unlike validation, in a sentence; empty if nothing is.
    """

    value: float | None
    reports: int
    alarm: str = ""


class Day(NamedTuple):
    """A day of the log.

    Attributes:
        name: ISO date.
        reports: How many.
        cells: Numbers by column.
        alarms: Sentences.
    """

    name: str
    reports: int
    cells: dict[str, Cell]
    alarms: list[str]


def days_of(log: pd.DataFrame, reference: pd.DataFrame | None) -> list[Day]:
    """Compare every day with validation.

    Args:
        log: Rows of a :class:`~coherent_cxr.serving.monitoring.drift_log.DriftLog`.
        reference: Rows of the log of the validation studies; None compares nothing.

    Returns:
        Days, newest first.
    """
    shares, days = with_shares(log), []
    known = None if reference is None else with_shares(reference)
    for number, rows in sorted(shares.groupby("day"), key=lambda group: -int(str(group[0]))):
        name = (
            f"{int(str(number)) // 10_000:04}-{int(str(number)) // 100 % 100:02}-{int(str(number)) % 100:02}"
        )
        cells = dict(_compared(name, rows, known))
        alarms = [cell.alarm for cell in cells.values() if cell.alarm]
        if reference is not None and set(rows["model"]) - set(reference["model"]):
            alarms.append(f"{name}: another model wrote reports than the one of the validation log.")
        days.append(Day(name, len(rows), cells, alarms))
    return days


def with_shares(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows whose findings are 1 where present and 0 where not, undetermined among them."""
    made = rows.copy()
    for column in FINDINGS:
        made[column] = (made[column] == 1).astype(float)
    return made


def means(rows: pd.DataFrame) -> dict[str, Cell]:
    """Return the numbers of rows, by column.

    Args:
        rows: From :func:`with_shares`.
    """
    made = {}
    for column in (*MEASURES, *RATES, *FINDINGS):
        values = rows[column].dropna()
        made[column] = Cell(float(values.mean()) if len(values) else None, len(values))
    return made


def _compared(name: str, rows: pd.DataFrame, known: pd.DataFrame | None) -> Iterator[tuple[str, Cell]]:
    own = means(rows)
    if known is None:
        yield from own.items()
        return
    theirs = means(known)
    comparable = [column for column in own if min(own[column].reports, theirs[column].reports) >= FEWEST]
    for column, cell in own.items():
        alarm = ""
        if column in comparable and _differs(column, rows, known, ALPHA / len(comparable)):
            alarm = _sentence(name, column, cell, theirs[column])
        yield column, cell._replace(alarm=alarm)


def _differs(column: str, rows: pd.DataFrame, known: pd.DataFrame, alpha: float) -> bool:
    own, theirs = rows[column].dropna(), known[column].dropna()
    if column not in MEASURES:
        table = [[int(part.sum()), len(part) - int(part.sum())] for part in (own, theirs)]
        return float(fisher_exact(table)[1]) < alpha
    spread = float(own.std()), float(theirs.std())
    if max(spread) == 0:
        return not math.isclose(float(own.mean()), float(theirs.mean()), rel_tol=1e-9)
    test = ttest_ind_from_stats(
        own.mean(), spread[0], len(own), theirs.mean(), spread[1], len(theirs), equal_var=False
    )
    return float(test.pvalue) < alpha


def _sentence(day: str, column: str, own: Cell, theirs: Cell) -> str:
    assert own.value is not None
    assert theirs.value is not None
    word = "higher" if own.value > theirs.value else "lower"
    if column in MEASURES:
        what, shown = f"{MEASURES[column]}, on average", "{:.3g}"
    elif column in RATES:
        what, shown = f"share of {RATES[column]}", "{:.0%}"
    else:
        what, shown = f"share of reports with {FINDINGS[column]}", "{:.0%}"
    now, before = shown.format(own.value), shown.format(theirs.value)
    return (
        f"{day}: {what}, is {word} than on validation: {now} of {own.reports} reports against {before} of "
        f"{theirs.reports}."
    )
