"""Open-I, the Indiana University chest X-ray collection (Demner-Fushman et al., JAMIA 2016; CC BY-NC-ND 4.0).

3,955 reports as XML and 7,470 image references. The ``torchxrayvision`` package brings the reports and the
headers of the images' DICOM files, so neither needs a download.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError

import pandas as pd
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from coherent_cxr.inputs.layout import join_wrapped_lines

REPORTS, HEADERS = "NLMCXR_reports.tgz", "nlmcxr_dicom_metadata.csv.gz"
SECTIONS = ("comparison", "indication", "findings", "impression")
MAX_REPORT_BYTES = 5_000_000

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
    """

    studies: pd.DataFrame
    images: pd.DataFrame
    exclusions: pd.DataFrame


class _Unusable(ValueError):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


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
    excluded: list[tuple[str, str, str]] = []
    count = 0
    for name, data in _report_files(_place(reports, REPORTS, "report_parsing.reports")):
        count += 1
        try:
            study_id, sections, image_ids = read_report(data)
            if study_id in studies:
                raise _Unusable("duplicate_study", f"The study {study_id} was read from an earlier file.")
        except _Unusable as unusable:
            excluded.append((name, unusable.reason, str(unusable)))
            continue
        studies[study_id] = sections
        images += [(image_id, study_id) for image_id in image_ids]
    if not count:
        raise CorpusError(
            f"There are no XML reports in '{reports}'; set report_parsing.reports to where they are."
        )
    table = _read_headers(_place(headers, HEADERS, "report_parsing.headers"))
    image_table = _with_views(pd.DataFrame(images, columns=["image_id", "study_id"]), table, views)
    patients = _patients(image_table, table)
    rows = [{"study_id": s, "patient_id": patients.get(s, s), **sections} for s, sections in studies.items()]
    columns = ["study_id", "patient_id", *SECTIONS]
    study_table = pd.DataFrame(rows, columns=columns).astype({"study_id": "str", "patient_id": "str"})
    exclusions = pd.DataFrame(excluded, columns=["id", "reason", "detail"]).astype("str")
    return ParsedCorpus(study_table, image_table, exclusions)


def read_report(data: bytes) -> tuple[str, dict[str, str | None], list[str]]:
    """Read one XML report.

    Args:
        data: The file.

    Returns:
        Study id, text of each section (None if empty), image ids in the report's order.

    Raises:
        ValueError: If the file is empty, broken, hostile, or names no study; its ``reason`` is a short code.
    """
    if not data.strip():
        raise _Unusable("empty_file", "The file is empty.")
    if len(data) > MAX_REPORT_BYTES:
        raise _Unusable("file_too_large", f"The file has {len(data):,} bytes; no report has.")
    try:
        root = fromstring(data, forbid_dtd=True)
    except DefusedXmlException as error:
        raise _Unusable(
            "forbidden_xml", f"The file declares entities or a DTD ({type(error).__name__})."
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise _Unusable("broken_xml", f"The file is not well-formed XML ({error}).") from error
    identifier = root.find("uId")
    study_id = "" if identifier is None else identifier.get("id", "").strip()
    if not study_id:
        raise _Unusable("no_study_id", "The report has no <uId id=...>.")
    return study_id, _sections(root), _image_ids(root)


def infer_views(
    images: pd.DataFrame, position: Sequence[str], orientation: Sequence[str]
) -> list[tuple[str, str]]:
    """Infer each image's view from its DICOM header and its place among the study's images.

    The headers are often silent, and "PA" stands on a third of all laterals. So: a lateral View Position or
    an anterior or posterior Patient Orientation says lateral; AP, a right Patient Orientation, or PA without
    an orientation says frontal. Of the images left, the first is taken for frontal, unless the study already
    has one, and the others for lateral.

    Args:
        images: image_id and study_id, the studies' images in their order.
        position: DICOM View Position of each image, empty if silent.
        orientation: DICOM Patient Orientation of each image as written in the headers, empty if silent.

    Returns:
        (view, "dicom" or "rule") of each image.
    """
    told = [_from_header(p, o) for p, o in zip(position, orientation, strict=True)]
    with_frontal = {study for study, view in zip(images["study_id"], told, strict=True) if view == "frontal"}
    inferred = []
    for study, view in zip(images["study_id"], told, strict=True):
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
    told = infer_views(
        images, silent_as_empty["View Position"].tolist(), silent_as_empty["Patient Orientation"].tolist()
    )
    table = images.astype("str").assign(view=[v for v, _ in told], view_source=[s for _, s in told])
    if views is not None:
        given = _read_views(Path(views)).reindex(table["image_id"]).to_numpy()
        named = pd.notna(given)
        table.loc[named, "view"] = given[named]
        table.loc[named, "view_source"] = "file"
    return table


def _read_views(path: Path) -> pd.Series:
    try:
        table = pd.read_csv(path, dtype=str)
        view = table.drop_duplicates("image_id").set_index("image_id")["view"].str.lower()
    except (OSError, ValueError, KeyError) as error:
        raise CorpusError(
            f"The view file '{path}' cannot be read ({error}); it needs the columns image_id and view."
        ) from error
    unknown = view[~view.isin(["frontal", "lateral"])]
    if len(unknown):
        raise CorpusError(
            f"The view file '{path}' says {unknown.iloc[0]!r} for {unknown.index[0]}; right are frontal and "
            "lateral."
        )
    return view


def _patients(images: pd.DataFrame, headers: pd.DataFrame) -> dict[str, str]:
    patient = headers["Patient ID"].reindex(images["image_id"]).to_numpy()
    named = images.assign(patient=patient).dropna(subset="patient")
    return dict(named.groupby("study_id")["patient"].first())


def _read_headers(path: Path) -> pd.DataFrame:
    columns = ["imageid", "Patient ID", "View Position", "Patient Orientation"]
    try:
        table = pd.read_csv(path, usecols=columns, dtype=str)
    except (OSError, ValueError) as error:
        raise CorpusError(f"The DICOM headers '{path}' cannot be read ({error}).") from error
    return table.drop_duplicates("imageid").set_index("imageid")


def _place(given: str | None, name: str, setting: str) -> Path:
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


def _report_files(place: Path) -> Iterator[tuple[str, bytes]]:
    if place.is_dir():
        for path in sorted(place.rglob("*.xml"), key=_by_number):
            with path.open("rb") as file:
                yield path.name, file.read(MAX_REPORT_BYTES + 1)
        return
    try:
        with tarfile.open(place, "r:*") as archive:
            members = [m for m in archive.getmembers() if m.isreg() and m.name.endswith(".xml")]
            for member in sorted(members, key=lambda m: _by_number(Path(m.name))):
                stream = archive.extractfile(member)
                yield Path(member.name).name, stream.read(MAX_REPORT_BYTES + 1) if stream else b""
    except (tarfile.TarError, EOFError, OSError) as error:
        cause = str(error).splitlines()[0].rstrip(":-")  # tarfile lists one line per compression it tried
        raise CorpusError(f"The archive '{place}' cannot be read ({cause}); download it again.") from error


def _by_number(path: Path) -> tuple[int, str]:
    return (int(path.stem), "") if path.stem.isdigit() else (1 << 60, path.name)


def _sections(root: Element) -> dict[str, str | None]:
    texts: dict[str, list[str]] = {name: [] for name in SECTIONS}
    for element in root.iter("AbstractText"):
        name = element.get("Label", "").strip().lower()
        text = join_wrapped_lines("".join(element.itertext()))
        if name in texts and text:
            texts[name].append(text)
    return {name: "\n\n".join(parts) or None for name, parts in texts.items()}


def _image_ids(root: Element) -> list[str]:
    ids = (image.get("id", "").strip() for image in root.iter("parentImage"))
    return list(dict.fromkeys(image_id for image_id in ids if image_id))
