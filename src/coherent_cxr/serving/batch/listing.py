"""Which studies there are in files, folders and tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

from coherent_cxr.images.reading.grey import UnreadableImageError
from coherent_cxr.inputs.folders import walk
from coherent_cxr.inputs.names import printable
from coherent_cxr.runtime.progress_line import counted
from coherent_cxr.serving.batch.files import is_table, kind_of
from coherent_cxr.serving.study.study import GivenImage, GivenPrior, Refusal, Study, days_since_prior

StudiesBy = Literal["file", "folder"]
"""Whether each picture is a study, or those of a folder are one."""
NO_IMAGE = "not_an_image"
LONGEST_REPORT = 100_000
"""Bytes of a file with the findings of a study before; they have some hundreds."""


class Listing(NamedTuple):
    """What was found.

    Attributes:
        studies: Studies; their images have not been read yet.
        refused: What is none, with the reason; :data:`NO_IMAGE` for files that nobody would expect to be.
    """

    studies: list[Study]
    refused: list[Refusal]


class _File(NamedTuple):
    path: Path
    name: str
    study_uid: str


def list_studies(paths: Sequence[Path], by: StudiesBy = "file") -> Listing:
    """Find the studies in files, folders (with all below them) and tables.

    DICOM images with the same Study Instance UID are one study, wherever they lie. Of other images each file
    is a study, or all files of a folder are one; they are named by their path from the folder that was given,
    or by the whole path where several were given. A table
    (see :mod:`.manifest`) says itself which images are a study. Any file that is given by its own name counts
    as an image.

    Args:
        paths: Files and folders.
        by: What a study is of pictures, which do not say so themselves.

    Returns:
        Studies in the order in which they are found.

    Raises:
        UnreadableImageError: If one of the paths does not exist.
        TableError: If a table cannot be read.
    """
    studies: dict[str, Study] = {}
    refused: list[Refusal] = []
    groups: dict[str, list[GivenImage]] = {}
    priors: dict[str, GivenPrior | None] = {}
    for path in paths:
        if not path.exists():
            raise UnreadableImageError("missing_image", f"There is no image file {path}.")
        if is_table(path) and path.is_file():
            from coherent_cxr.serving.batch.manifest import studies_of_manifest

            for found in studies_of_manifest(path):
                if isinstance(found, Refusal):
                    refused.append(found)
                else:
                    groups.setdefault(str(found.study_id), []).extend(found.images)
                    priors[str(found.study_id)] = found.prior
            continue
        for file in _files(path, refused):
            study_id = file.study_uid or _name(file, path, by, whole=len(paths) > 1)
            groups.setdefault(study_id, []).append(GivenImage(file.path))
    for study_id, images in groups.items():
        once = {str(image.source): image for image in images}
        studies[study_id] = Study(tuple(once.values()), study_id, priors.get(study_id))
    return Listing(list(studies.values()), refused)


def with_prior(listing: Listing, images: Sequence[Path], days: str | None, report: Path | None) -> Listing:
    """Give the only study of a listing the study before.

    Args:
        listing: With one study.
        images: Of the study before.
        days: How many days before, as given.
        report: Text file with its findings, if it has some.

    Raises:
        ValueError: If there are several studies, no image or no possible interval, or the file is no text.
    """
    if len(listing.studies) != 1:
        raise ValueError(
            f"A study before can be named of one study; there are {len(listing.studies):,}. A table names "
            "those of many in the columns prior_images, days_since_prior and prior_report."
        )
    if not images or days is None:
        raise ValueError("The study before needs an image, and the days since.")
    if absent := [image for image in images if not image.is_file()]:
        raise ValueError(f"There is no image file {printable(absent[0])}.")
    told = "" if report is None else _report(report)
    before = GivenPrior(tuple(GivenImage(image) for image in images), days_since_prior(days), told)
    return listing._replace(studies=[replace(listing.studies[0], prior=before)])


def _report(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(LONGEST_REPORT + 1)
    if len(data) > LONGEST_REPORT:
        raise ValueError(f"'{path}' has more than {LONGEST_REPORT:,} bytes; name the findings of one study.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"'{path}' is no text in UTF-8.") from None


def _files(path: Path, refused: list[Refusal]) -> Iterator[_File]:
    """Yield the images at a path; files below a folder that are none are refused."""
    if not path.is_dir():
        yield _File(path, path.name, kind_of(path).study_uid)
        return
    for found in counted(walk(path), f"files in {path.name}", "files"):
        kind = kind_of(path / found.path)
        if kind.is_image:
            yield _File(path / found.path, found.path, kind.study_uid)
        else:
            refused.append(Refusal(found.path, NO_IMAGE, kind.why_not))


def _name(file: _File, root: Path, by: StudiesBy, whole: bool) -> str:
    if by == "file" or not root.is_dir():
        return str(file.path) if whole else file.name
    folder = file.path.parent
    if whole:
        return str(folder)
    return root.resolve().name if folder == root else str(folder.relative_to(root))
