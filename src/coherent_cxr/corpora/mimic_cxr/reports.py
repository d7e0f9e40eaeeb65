"""The report files of MIMIC-CXR: in their archive, or unpacked as files/p10/p10000000/s50000000.txt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from coherent_cxr.inputs.archives import MemberError, members
from coherent_cxr.inputs.folders import walk
from coherent_cxr.inputs.names import printable

ARCHIVES = (
    "mimic-cxr-reports.zip",
    "mimic-cxr-reports.tar.gz",
    "mimic-cxr-reports.tgz",
    "mimic-cxr-reports.tar",
)
MAX_REPORT_BYTES = 1_000_000
_REPORT = re.compile(r"(?:.*/)?p\d{2}/p(?P<patient>\d{8})/s(?P<study>\d{8})\.txt", re.IGNORECASE)
_IN_TREE = re.compile(r"(?:.*/)?p\d{2}/(?:.*/)?[^/]+\.txt", re.IGNORECASE)
_TREE = re.compile(
    r"(?:(?!p\d{2}/)[^./][^/]*/){0,5}(?:p\d{2}(?:/p\d{8})?|(?!p\d{2}$)(?![sp]\d{8}$)[^./][^/]*)"
)
"""Folders that are entered: up to six above the patients' (wget leaves four), then those of patients only."""
_UNEXPECTED = "It is no report; names look like files/p10/p10000000/s50000000.txt."


class ReportFile(NamedTuple):
    """One file of the collection.

    Attributes:
        name: Its path, as it may be shown.
        study_id: Eight digits; empty if the name says none.
        data: Its bytes; none if it is refused.
        reason: Why it is refused, as a short code, or empty.
        detail: The same as a sentence.
    """

    name: str
    study_id: str
    data: bytes
    reason: str = ""
    detail: str = ""


def find_reports(folders: Sequence[Path]) -> Path | None:
    """Return the archive of reports, else the folder in which they lie unpacked, else None.

    Args:
        folders: Where to look.
    """
    for name in ARCHIVES:
        for folder in folders:
            if (folder / name).is_file():
                return folder / name
    return next((folder for folder in folders if next(_unpacked(folder), None)), None)


def read_reports(place: Path) -> Iterator[ReportFile]:
    """Yield all report files.

    Args:
        place: The archive or the folder, as :func:`find_reports` gives it.

    Raises:
        ArchiveError: If the archive is damaged.
    """
    if place.is_dir():
        yield from (_read(place, path) for path in _unpacked(place))
        return
    for member in members(place):
        name, match = printable(member.name), _REPORT.fullmatch(member.name)
        if match is None or ".." in member.name:
            yield ReportFile(name, "", b"", "unexpected_name", _UNEXPECTED)
            continue
        try:
            yield ReportFile(name, match["study"], member.read(MAX_REPORT_BYTES))
        except MemberError as error:
            yield ReportFile(name, match["study"], b"", error.reason, str(error))


def count_reports(place: Path) -> int:
    """Count the report files.

    Raises:
        ArchiveError: If the archive is damaged.
    """
    names = _unpacked(place) if place.is_dir() else (member.name for member in members(place))
    return sum(_REPORT.fullmatch(name) is not None for name in names)


def _unpacked(folder: Path) -> Iterator[str]:
    """Yield paths of text files in the tree of patients; the folders of images in it are not entered."""
    found = walk(folder, enter=lambda path: _TREE.fullmatch(path) is not None)
    return (file.path for file in found if _IN_TREE.fullmatch(file.path))


def _read(folder: Path, path: str) -> ReportFile:
    name, match = printable(path), _REPORT.fullmatch(path)
    if match is None:
        return ReportFile(name, "", b"", "unexpected_name", _UNEXPECTED)
    try:
        with (folder / path).open("rb") as file:
            data = file.read(MAX_REPORT_BYTES + 1)
    except OSError as error:
        detail = f"It cannot be read: {error.strerror}."
        return ReportFile(name, match["study"], b"", "unreadable_file", detail)
    if len(data) > MAX_REPORT_BYTES:
        detail = f"It has more than {MAX_REPORT_BYTES:,} bytes; no report does."
        return ReportFile(name, match["study"], b"", "file_too_large", detail)
    return ReportFile(name, match["study"], data)
