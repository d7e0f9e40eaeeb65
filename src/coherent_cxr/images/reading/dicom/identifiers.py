"""Identifiers of a DICOM image, which name no patient."""

from __future__ import annotations

import re
from typing import NamedTuple

from pydicom.dataset import Dataset

from coherent_cxr.images.reading.dicom.tags import value_of

UID_TAGS = ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"]
LONGEST = 64
_UID = re.compile(r"\d+(\.\d+)*")


class Identifiers(NamedTuple):
    """What the tags say, each empty if it is absent or no UID: anything else might name somebody.

    Attributes:
        study_uid: Study Instance UID.
        series_uid: Series Instance UID.
        instance_uid: SOP Instance UID.
        class_uid: SOP Class UID.
    """

    study_uid: str
    series_uid: str
    instance_uid: str
    class_uid: str


def identifiers_of(dataset: Dataset) -> Identifiers:
    """Return the identifiers of an image."""
    return Identifiers(*(_uid(value_of(dataset, tag)) for tag in UID_TAGS))


def _uid(value: object) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")
    text = text.strip(" \0")
    return text if len(text) <= LONGEST and _UID.fullmatch(text) else ""
