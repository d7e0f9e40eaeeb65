"""Open-I, the Indiana University chest X-ray collection (Demner-Fushman et al., JAMIA 2016; CC BY-NC-ND 4.0).

3,955 reports as XML and 7,470 image references. The ``torchxrayvision`` package brings the reports and the
headers of the images' DICOM files, so neither needs a download.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pandas as pd

from coherent_cxr.corpora.mesh import mesh_table
from coherent_cxr.corpora.openi.report import (
    MAX_REPORT_BYTES,
    SECTIONS,
    OpeniReport,
    UnusableReportError,
    read_report,
)
from coherent_cxr.inputs.archives import ArchiveError, MemberError, members
from coherent_cxr.inputs.errors import TableError
from coherent_cxr.inputs.folders import walk
from coherent_cxr.inputs.names import printable
from coherent_cxr.inputs.quoting import quote
from coherent_cxr.inputs.tables.null_words import is_null
from coherent_cxr.inputs.tables.reading import read_table

REPORTS, HEADERS = "NLMCXR_reports.tgz", "nlmcxr_dicom_metadata.csv.gz"

_LATERAL_VIEWS = {"LL", "RL", "LATERAL", "LARGE LATERAL"}
_LATERAL_ORIENTATIONS = {"['A', 'F']", "['P', 'F']"}
_FRONTAL_ORIENTATION = "['R', 'F']"


class CorpusError(ValueError):
    """A raw corpus that cannot be read at all; the message says where it was looked for."""


class ParsedCorpus(NamedTuple):
    """A corpus as tables.

    Attributes:
        studies: study_id, patient_id and the sections comparison, indication, findings, impression (text or
            missing).
        images: image_id, study_id, view (frontal, lateral), view_source (what decided).
        exclusions: id (file name), reason, detail: reports that could not become a row.
        mesh_terms: What people coded studies with, see :func:`.mesh.mesh_table`; empty but for Open-I.
    """

    studies: pd.DataFrame
    images: pd.DataFrame
    exclusions: pd.DataFrame
    mesh_terms: pd.DataFrame


def parse_openi(reports: str | None, headers: str | None, views: str | None) -> ParsedCorpus:
    """Parse the collection; every report becomes a row or an exclusion.

    Args:
        reports: Folder or .tgz of XML reports; None reads the one in the ``torchxrayvision`` package.
        headers: CSV of DICOM headers (imageid, Patient ID, View Position, Patient Orientation); None reads
            the one in the same package.
        views: CSV with image_id and view that is believed before the headers; None for none.

    Raises:
        CorpusError: If a place cannot be read or holds no XML report.
    """
    studies: dict[str, dict[str, str | None]] = {}
    images: list[tuple[str, str]] = []
    terms: list[tuple[str, str]] = []
    excluded: list[tuple[str, str, str]] = []
    place = package_file(reports, REPORTS, "report_parsing.reports")
    # A packed archive is read in its order, once; its numbers say which of two reports is the earlier one.
    read = sorted(_read_reports(place), key=lambda named: _by_number(named[0]))
    for name, report in read:
        if isinstance(report, UnusableReportError):
            excluded.append((printable(name), report.reason, str(report)))
        elif report.study_id in studies:
            detail = f"The study {report.study_id} was read from an earlier file."
            excluded.append((printable(name), "duplicate_study", detail))
        else:
            studies[report.study_id] = report.sections
            images += [(image_id, report.study_id) for image_id in report.image_ids]
            terms += [(report.study_id, term) for term in report.mesh_terms]
    if not read:
        raise CorpusError(
            f"There are no XML reports in '{reports}'; set report_parsing.reports to where they are."
        )
    table = _read_headers(package_file(headers, HEADERS, "report_parsing.headers"))
    image_table = _with_views(pd.DataFrame(images, columns=["image_id", "study_id"]), table, views)
    patients = _patients(image_table, table)
    rows = [{"study_id": s, "patient_id": patients.get(s, s), **sections} for s, sections in studies.items()]
    columns = ["study_id", "patient_id", *SECTIONS]
    study_table = pd.DataFrame(rows, columns=columns).astype({"study_id": "str", "patient_id": "str"})
    exclusions = pd.DataFrame(excluded, columns=["id", "reason", "detail"]).astype("str")
    return ParsedCorpus(study_table, image_table, exclusions, mesh_table(terms))


def infer_views(
    images: pd.DataFrame, position: Sequence[str], orientation: Sequence[str]
) -> list[tuple[str, str]]:
    """Infer each image's view from its DICOM header and its place among the study's images.

    The headers often say nothing, and "PA" stands on a third of all laterals. So: a lateral View Position or
    an anterior or posterior Patient Orientation says lateral; AP, a right Patient Orientation, or PA without
    an orientation says frontal. Of the images left, the first is taken for frontal, unless the study already
    has one, and the others for lateral.

    Args:
        images: image_id and study_id, the studies' images in their order.
        position: DICOM View Position of each image, empty if missing.
        orientation: DICOM Patient Orientation of each image as written in the headers, empty if missing.

    Returns:
        (view, "dicom" or "rule") of each image.
    """
    headers = [_from_header(p, o) for p, o in zip(position, orientation, strict=True)]
    with_frontal = set(images["study_id"][[view == "frontal" for view in headers]])
    inferred = []
    for study, view in zip(images["study_id"], headers, strict=True):
        if view is not None:
            inferred.append((view, "dicom"))
            continue
        inferred.append(("lateral" if study in with_frontal else "frontal", "rule"))
        with_frontal.add(study)
    return inferred


def _from_header(position: str, orientation: str) -> str | None:
    if position in _LATERAL_VIEWS or orientation in _LATERAL_ORIENTATIONS:
        return "lateral"
    if position == "AP" or orientation == _FRONTAL_ORIENTATION or (position == "PA" and not orientation):
        return "frontal"
    return None


def _with_views(images: pd.DataFrame, headers: pd.DataFrame, views: str | None) -> pd.DataFrame:
    known = headers.reindex(images["image_id"])
    silent_as_empty = known.fillna("")
    inferred = infer_views(
        images, silent_as_empty["View Position"].tolist(), silent_as_empty["Patient Orientation"].tolist()
    )
    table = images.astype("str").assign(view=[v for v, _ in inferred], view_source=[s for _, s in inferred])
    if views is not None:
        given = _read_views(Path(views)).reindex(table["image_id"]).to_numpy()
        named = pd.notna(given)
        table.loc[named, "view"] = given[named]
        table.loc[named, "view_source"] = "file"
    return table


def _read_views(path: Path) -> pd.Series:
    try:
        table = read_table(path, ("image_id", "view")).dropna(subset="image_id")
        table = table[~table["view"].map(is_null)]  # no view given: it is found out as without the file
    except TableError as error:
        raise CorpusError(f"{error} A file of views needs the columns image_id and view.") from error
    view = table.drop_duplicates("image_id").set_index("image_id")["view"].str.strip().str.lower()
    unknown = view[~view.isin(["frontal", "lateral"])]
    if len(unknown):
        raise CorpusError(
            f"The view file '{path}' says {quote(unknown.iloc[0])} for {quote(unknown.index[0])}; right are "
            "frontal and lateral."
        )
    return view


def _patients(images: pd.DataFrame, headers: pd.DataFrame) -> dict[str, str]:
    patient = headers["Patient ID"].reindex(images["image_id"]).to_numpy()
    named = images.assign(patient=patient).dropna(subset="patient")
    return dict(named.groupby("study_id")["patient"].first())


def _read_headers(path: Path) -> pd.DataFrame:
    columns = ["imageid", "Patient ID", "View Position", "Patient Orientation"]
    try:
        table = read_table(path, columns)
    except TableError as error:
        raise CorpusError(f"{error} It is what report_parsing.headers names.") from error
    return table.drop_duplicates("imageid").set_index("imageid")


def package_file(given: str | None, name: str, setting: str) -> Path:
    """Return the place of a file of a corpus: the given one, or that in the torchxrayvision package.

    Args:
        given: What the setting says, or None.
        name: Of the file in the package.
        setting: Name of the setting, for messages.

    Raises:
        CorpusError: If there is nothing at the place, or the package is not installed.
    """
    if given is not None:
        path = Path(given)
        if not path.exists():
            raise CorpusError(f"There is nothing at '{path}'; correct {setting}.")
        return path
    package = find_spec("torchxrayvision")  # found, not imported: importing it would load PyTorch
    if package is None or package.origin is None:
        raise CorpusError(
            f"The package torchxrayvision, which brings {name}, is not installed; install it or set "
            f"{setting}."
        )
    return Path(package.origin).parent / "data" / name


def _read_reports(place: Path) -> Iterator[tuple[str, OpeniReport | UnusableReportError]]:
    try:
        for name, data in _report_files(place):
            try:
                yield name, read_report(data) if isinstance(data, bytes) else data
            except UnusableReportError as unusable:
                yield name, unusable
    except ArchiveError as error:
        raise CorpusError(f"{error} It is what report_parsing.reports names.") from error


def _report_files(place: Path) -> Iterator[tuple[str, bytes | UnusableReportError]]:
    if place.is_dir():
        for found in walk(place):
            if found.path.lower().endswith(".xml"):
                yield PurePosixPath(found.path).name, _read_file(place / found.path)
        return
    for member in members(place):
        if member.name.lower().endswith(".xml"):
            try:
                data: bytes | UnusableReportError = member.read(MAX_REPORT_BYTES)
            except MemberError as error:
                data = UnusableReportError(error.reason, str(error))
            yield PurePosixPath(member.name).name, data


def _read_file(path: Path) -> bytes | UnusableReportError:
    try:
        with path.open("rb") as file:
            return file.read(MAX_REPORT_BYTES + 1)
    except OSError as error:
        return UnusableReportError("unreadable_file", f"The file cannot be read: {error.strerror}.")


def _by_number(name: str) -> tuple[int, str]:
    stem = PurePosixPath(name).stem
    return (int(stem), "") if stem.isdecimal() and len(stem) < 12 else (1 << 60, name)
