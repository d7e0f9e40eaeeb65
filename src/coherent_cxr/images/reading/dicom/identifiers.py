"""What a study needs to know of a DICOM image's tags: its view and identifiers, which name no patient."""

from __future__ import annotations

import re
from typing import NamedTuple

from pydicom.dataset import Dataset

from coherent_cxr.images.reading.dicom.opening import open_dicom
from coherent_cxr.images.reading.dicom.remarks import VIEW_TAGS, view_of
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


class ImageTags(NamedTuple):
    """What tags say of an image.

    Attributes:
        view: ``frontal``, ``lateral`` or ``unknown``.
        identifiers: Its identifiers.
    """

    view: str
    identifiers: Identifiers


def image_tags(data: bytes, name: str) -> ImageTags:
    """Read them from a DICOM file.

    Args:
        data: Bytes of the file.
        name: What messages call the image.

    Raises:
        UnreadableImageError: If the file is damaged.
    """
    dataset = open_dicom(data, name, [*VIEW_TAGS, *UID_TAGS])
    return ImageTags(_view(dataset), Identifiers(*(_uid(dataset, tag) for tag in UID_TAGS)))


class Header(NamedTuple):
    """What tells which study a file belongs to.

    Attributes:
        study_uid: Study Instance UID; empty if it is absent or no UID.
        is_image: Whether the file has rows of pixels; reports and annotations of a study have none.
    """

    study_uid: str
    is_image: bool


def header_of(data: bytes, name: str) -> Header:
    """Read the same from the beginning of a DICOM file.

    Args:
        data: Its bytes, at least up to the pixels.
        name: What messages call the file.

    Raises:
        UnreadableImageError: If it is damaged.
    """
    dataset = open_dicom(data, name, ["StudyInstanceUID", "Rows"], before_pixels=True)
    return Header(_uid(dataset, "StudyInstanceUID"), value_of(dataset, "Rows") is not None)


def _view(dataset: Dataset) -> str:
    try:
        return view_of(dataset)
    except Exception:  # a view that cannot be read is unknown, whatever is wrong with the tags
        return "unknown"


def _uid(dataset: Dataset, tag: str) -> str:
    value = value_of(dataset, tag)
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")
    text = text.strip(" \0")
    return text if len(text) <= LONGEST and _UID.fullmatch(text) else ""
