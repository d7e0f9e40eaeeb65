"""Which image a file shows, by its name, and whether it is one at all, by its first bytes."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

DICOM_EXTENSIONS = (".dcm", ".dicom")
EXTENSIONS = (".png", ".jpg", ".jpeg", *DICOM_EXTENSIONS)
SNIFFED = 132
"""First bytes that tell a DICOM file: 128 of anything, then DICM."""
_NUMBERED = re.compile(r"(?:.*/)?((CXR\d+)_[A-Za-z0-9._-]{1,100})/(\d{1,3})(\.[A-Za-z]+)")
_BY_PATIENT = re.compile(r"(?:.*/)?(patient\d+)/(study\d+)/([A-Za-z0-9._-]{1,100})(\.[A-Za-z]+)")
"""CheXpert's tree, in which every study has a file view1_frontal."""
_STUDY_PREFIX = re.compile(r"CXR\d+_")
_ENDING_OF_A_NUMBER = re.compile(r"\.\d+|")
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


class Identifier(NamedTuple):
    """What a file's image is called.

    Attributes:
        text: The identifier.
        has_ending: Whether the file's name ends as an image's does; if not, its first bytes decide.
    """

    text: str
    has_ending: bool = True


def identifier(path: str) -> Identifier | None:
    """Return the identifier of the file at a path inside a folder or an archive; None if it is no image.

    It is the file's name without its ending, or what tells it apart where a set numbers the files of a study.
    """
    numbered = _NUMBERED.fullmatch(path)
    if numbered and numbered[4].lower() in EXTENSIONS:
        return Identifier(f"{numbered[1]}/{numbered[3]}")
    name = path.rsplit("/", 1)[-1]
    if in_study := _BY_PATIENT.fullmatch(path):
        name = "_".join(in_study.groups()[:3]) + in_study[4]
    stem, extension = os.path.splitext(name)  # noqa: PTH122 - a path inside an archive, not on this machine
    if _ENDING_OF_A_NUMBER.fullmatch(extension) and _IDENTIFIER.fullmatch(name):
        return Identifier(name, has_ending=False)
    if extension.lower() not in EXTENSIONS or not _IDENTIFIER.fullmatch(stem):
        return None
    # Kaggle's copy of Open-I names its PNG files "1_IM-0001-4001.dcm.png".
    return Identifier(stem.removesuffix(".dcm"))


def identifier_by_path(path: str) -> Identifier | None:
    """Return the whole path as identifier, for sets that give many files the same name; None if no image."""
    stem, extension = os.path.splitext(path)  # noqa: PTH122 - a path inside an archive perhaps
    if extension.lower() in EXTENSIONS:
        return Identifier(stem)
    return Identifier(path, has_ending=False) if _ENDING_OF_A_NUMBER.fullmatch(extension) else None


def other_names(image_id: str) -> tuple[str, str]:
    """Return what Kaggle and NLM's DICOM archive call one of Open-I's images, CXR1_1_IM-0001-4001."""
    return image_id.removeprefix("CXR"), _STUDY_PREFIX.sub("", image_id)


def folder_and_number(image_id: str) -> tuple[str, int]:
    """Return the two parts of an identifier whose file is a number in a study's folder, to sort by."""
    folder, _, number = image_id.rpartition("/")
    return folder, int(number)


def is_dicom(start: bytes) -> bool:
    """Tell a DICOM file by its first :data:`SNIFFED` bytes."""
    return start[128:132] == b"DICM"


def is_picture(start: bytes) -> bool:
    """Tell a PNG or JPEG file by its first bytes."""
    return start.startswith(_PICTURES)
