"""What kind of image a file holds, from its first bytes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from coherent_cxr.images.reading.dicom import is_dicom
from coherent_cxr.images.reading.dicom.identifiers import Header, header_of
from coherent_cxr.images.reading.grey import UnreadableImageError
from coherent_cxr.images.reading.limits import read_bounded

HEAD = 1 << 16
"""Bytes that hold nearly every DICOM header up to the pixels."""
ENDINGS = (".png", ".jpg", ".jpeg", ".dcm", ".dicom")
"""How names of images end."""
PICTURES = (b"\x89PNG", b"\xff\xd8\xff")


class FileKind(NamedTuple):
    """What a file is.

    Attributes:
        is_image: Whether it is a picture or a DICOM image.
        study_uid: Study Instance UID of a DICOM file; empty of others, and where it has none.
        why_not: Why it is no image, in a sentence.
    """

    is_image: bool
    study_uid: str = ""
    why_not: str = ""


def kind_of(path: Path) -> FileKind:
    """Look at a file; one that is damaged counts as an image, so that reading it says what is wrong."""
    if not path.is_file():  # a pipe would make us wait
        return FileKind(True)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except (OSError, ValueError):
        return FileKind(True)
    if head.startswith(PICTURES) or (not is_dicom(head) and path.name.lower().endswith(ENDINGS)):
        return FileKind(True)
    if not is_dicom(head):
        return FileKind(False, why_not="It is neither a PNG, a JPEG nor a DICOM file.")
    header = _header(head, path)
    if header is None:
        return FileKind(True)
    if not header.is_image:
        return FileKind(False, header.study_uid, "It is a DICOM file without an image.")
    return FileKind(True, header.study_uid)


def _header(head: bytes, path: Path) -> Header | None:
    name = str(path)
    try:
        found = header_of(head, name)
        if found.study_uid and found.is_image:
            return found
    except UnreadableImageError:
        pass
    if len(head) < HEAD:
        return _whole(head, name)
    try:  # the header is longer, or deflated
        return _whole(read_bounded(path), name)
    except UnreadableImageError:
        return None


def _whole(data: bytes, name: str) -> Header | None:
    try:
        return header_of(data, name)
    except UnreadableImageError:
        return None
