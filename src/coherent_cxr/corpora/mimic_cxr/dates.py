"""When each study of MIMIC-CXR was made; de-identification has moved all dates of a patient alike."""

from __future__ import annotations

import re
from datetime import date, time
from typing import NamedTuple

from coherent_cxr.corpora.mimic_cxr.files import MimicCxrConfig, find_file, read_table

_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:\.0*)?")
_TIME = re.compile(r"(\d{1,6})(?:\.\d*)?")


class Moment(NamedTuple):
    """When a study was made.

    Attributes:
        study_date: Such as ``2180-05-06``; None where the corpus gives none that can be.
        study_time: Such as ``21:30:14``; None likewise, and without a date.
    """

    study_date: str | None = None
    study_time: str | None = None


def study_moments(config: MimicCxrConfig) -> dict[str, Moment]:
    """Read when the studies were made from the metadata of their images.

    Args:
        config: Where the corpus is.

    Returns:
        Moment by study: the first time of its images. A study whose images name different days has none.
        Nothing where there is no metadata, or none with dates.

    Raises:
        CorpusError: If the metadata are damaged.
    """
    if find_file(config, "metadata") is None:
        return {}
    table = read_table(config, "metadata", ("study_id",), ("StudyDate", "StudyTime"))
    table = table.reindex(columns=["study_id", "StudyDate", "StudyTime"]).dropna(subset=["study_id"])
    days: dict[str, set[str]] = {}
    times: dict[str, set[str]] = {}
    for study_id, day, hour in table.itertuples(index=False):
        days.setdefault(study_id, set()).update(filter(None, [iso_date(day)]))
        times.setdefault(study_id, set()).update(filter(None, [iso_time(hour)]))
    return {
        study_id: Moment(own.pop(), min(times[study_id], default=None))
        for study_id, own in days.items()
        if len(own) == 1
    }


def iso_date(given: object) -> str | None:
    """Return a StudyDate (``21800506``) as ``2180-05-06``; None for what is no day of the calendar."""
    found = _DATE.fullmatch(_number(given))
    try:
        return date(*map(int, found.groups())).isoformat() if found else None
    except ValueError:
        return None


def iso_time(given: object) -> str | None:
    """Return a StudyTime (``93014.531``, a number without its leading zeros) as ``09:30:14``; else None."""
    found = _TIME.fullmatch(_number(given))
    if not found:
        return None
    digits = found[1].zfill(6)
    try:
        return time(int(digits[:2]), int(digits[2:4]), int(digits[4:])).isoformat()
    except ValueError:
        return None


def _number(given: object) -> str:
    text = str(given).strip() if isinstance(given, str | int | float) else ""
    if "e" not in text.lower():  # a spreadsheet writes 2.1800506E+07
        return text
    try:
        return f"{float(text):.3f}"
    except ValueError:
        return ""
