"""What a file holds: a table by its name, an image by its first bytes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from coherent_cxr.images.reading.dicom import is_dicom
from coherent_cxr.images.reading.grey import UnreadableImageError
from coherent_cxr.images.reading.limits import read_bounded

if TYPE_CHECKING:
    from coherent_cxr.images.reading.dicom.identifiers import Header

HEAD = 1 << 16
"""Bytes that hold nearly every DICOM header up to the pixels."""
ENDINGS = (".png", ".jpg", ".jpeg", ".dcm", ".dicom")
"""How names of images end."""
TABLES = (".csv", ".tsv", ".jsonl", ".parquet", ".csv.gz", ".tsv.gz", ".jsonl.gz")
"""How names of tables end."""
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


def is_table(path: Path) -> bool:
    """Tell by its name whether a file is a table of studies."""
    return path.name.lower().endswith(TABLES)


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
    found = _read(head, name)
    if found is not None and found.study_uid and found.is_image:
        return found
    if len(head) < HEAD:
        return found
    try:  # the header is longer, or deflated
        return _read(read_bounded(path), name)
    except UnreadableImageError:
        return None


def _read(data: bytes, name: str) -> Header | None:
    from coherent_cxr.images.reading.dicom.identifiers import header_of

    try:
        return header_of(data, name)
    except UnreadableImageError:
        return None
