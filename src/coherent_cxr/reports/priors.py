"""The study before: which earlier one of a patient a study is compared with, and how long ago it was."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import pandas as pd

from coherent_cxr.reports.vocabulary import Vocabulary

MOMENT: Final = ("study_date", "study_time")
"""Columns of studies of a corpus that says when they were made."""
PRIOR: Final = ("prior_id", "interval_days")


class PriorStudy(NamedTuple):
    """The study before.

    Attributes:
        study_id: Which it is.
        days: How many days before.
        report: Words of each sentence of its findings, perhaps with the mark of a section; empty where it has
            none, or they are not asked for.
    """

    study_id: str
    days: float
    report: Sequence[Sequence[str]] = ()


Priors = Mapping[str, PriorStudy]
"""The prior of each study; studies without a prior are missing."""
EncodedReports = Mapping[str, list[list[int]]]
"""Word ids of each sentence of a study's findings, by study."""


def priors_of(table: pd.DataFrame, findings: pd.DataFrame | None = None) -> dict[str, PriorStudy]:
    """Return the priors that ``splits`` or ``encoded_reports`` name; none of a corpus without dates.

    Args:
        table: study_id, and perhaps prior_id and interval_days.
        findings: study_id and tokens: what the corpus' own reports say, which is what a hospital has of an
            earlier study. None leaves the priors without a report.
    """
    if not set(PRIOR) <= set(table.columns):
        return {}
    told = {} if findings is None else dict(zip(findings["study_id"], findings["tokens"], strict=True))
    there = table.dropna(subset=list(PRIOR))
    return {
        study: PriorStudy(prior, float(days), told.get(prior, ()))
        for study, prior, days in there[["study_id", *PRIOR]].itertuples(index=False)
    }


def prior_word_ids(priors: Priors, vocabulary: Vocabulary) -> EncodedReports:
    """Return what the reports of priors say in word ids, by the prior's own study, marks left out."""
    return {
        prior.study_id: [vocabulary.encode(sentence) for sentence in prior.report if len(sentence)]
        for prior in priors.values()
    }


def prior_studies(studies: pd.DataFrame) -> pd.DataFrame:
    """Find the last study of the same patient that was certainly made before each study.

    Of two studies on the same day, one is certainly earlier only if both times are known and differ. A study
    without a date has no prior and is never one.

    Args:
        studies: study_id, patient_id, study_date (``2180-05-06``) and study_time (``21:30:14``), missing
            where they are not known.

    Returns:
        study_id, prior_id (missing where there is none) and interval_days (whole days are counted where a
        time is missing), in the order of the studies.
    """
    days: dict[str, list[tuple[str, str, str]]] = {}
    for study, patient, day, hour in studies[["study_id", "patient_id", *MOMENT]].itertuples(index=False):
        if isinstance(day, str):
            days.setdefault(patient, []).append((day, hour if isinstance(hour, str) else "", study))
    prior: dict[str, tuple[str, float]] = {}
    for made in days.values():
        made.sort()
        for day, hour, study in made:
            # all of an earlier day, and of this one those of an earlier time, where times are known
            before = bisect_left(made, (day, hour)) if hour else bisect_left(made, (day, ""))
            if before and not made[before - 1][1] and made[before - 1][0] == day:
                before = bisect_left(made, (day, ""))
            if before:
                earlier_day, earlier_hour, earlier = made[before - 1]
                prior[study] = earlier, _days(earlier_day, earlier_hour, day, hour)
    found = [prior.get(study, (None, None)) for study in studies["study_id"]]
    table = pd.DataFrame(found, columns=list(PRIOR), index=studies.index)
    table = table.astype({"prior_id": "str", "interval_days": "float64"})
    table.insert(0, "study_id", studies["study_id"])
    return table


def _days(earlier_day: str, earlier_hour: str, day: str, hour: str) -> float:
    if not (earlier_hour and hour):
        earlier_hour = hour = "00:00:00"
    moments = [datetime.fromisoformat(f"{d}T{h}") for d, h in ((earlier_day, earlier_hour), (day, hour))]
    return (moments[1] - moments[0]).total_seconds() / 86_400
