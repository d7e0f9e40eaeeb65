"""Which patient and study a report belongs to: copied from a source image when somebody asks for it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from coherent_cxr.serving.outputs.characters import REPLACEMENT, storable

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from coherent_cxr.serving.study_report import StudyReport

COPIED = {
    "patient_name": "PatientName",
    "patient_id": "PatientID",
    "patient_id_issuer": "IssuerOfPatientID",
    "patient_birth_date": "PatientBirthDate",
    "patient_sex": "PatientSex",
    "accession_number": "AccessionNumber",
    "study_id": "StudyID",
    "study_date": "StudyDate",
    "study_time": "StudyTime",
    "study_description": "StudyDescription",
    "referring_physician": "ReferringPhysicianName",
}
"""Everything that is copied, by field: what an archive files a study by, and nothing else."""
_PERSON = r"[^\\=]{1,64}(=[^\\=]{0,64}){0,2}"
_SHAPES = {
    "patient_birth_date": r"\d{8}",
    "study_date": r"\d{8}",
    "study_time": r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?",
    "patient_sex": "[MFO]",
    "accession_number": r"[^\\]{1,16}",
    "study_id": r"[^\\]{1,16}",
    "patient_id": r"[^\\]{1,64}",
    "patient_id_issuer": r"[^\\]{1,64}",
    "study_description": r"[^\\]{1,64}",
    "patient_name": _PERSON,
    "referring_physician": _PERSON,
}


class WrongStudyError(ValueError):
    """A file that cannot say which patient a report is of; the message says why, without naming anybody."""


class Identification(NamedTuple):
    """What a report is filed by, each empty where the source says nothing that DICOM allows.

    Attributes:
        patient_name: As in DICOM, components divided by ``^``.
        patient_id: Number of the patient.
        patient_id_issuer: Who gave that number.
        patient_birth_date: ``YYYYMMDD``.
        patient_sex: M, F or O.
        accession_number: Number of the request.
        study_id: Number of the study.
        study_date: ``YYYYMMDD``.
        study_time: ``HHMMSS``.
        study_description: Of the study.
        referring_physician: As in DICOM.
    """

    patient_name: str = ""
    patient_id: str = ""
    patient_id_issuer: str = ""
    patient_birth_date: str = ""
    patient_sex: str = ""
    accession_number: str = ""
    study_id: str = ""
    study_date: str = ""
    study_time: str = ""
    study_description: str = ""
    referring_physician: str = ""


def identification_of(report: StudyReport, source: Path | bytes) -> Identification:
    """Copy from a source image what its study is filed by; see :data:`COPIED`.

    Args:
        report: Of the study.
        source: One of the images that the report was written from.

    Returns:
        The tags; one that is not as DICOM has it is left out.

    Raises:
        WrongStudyError: If the file is none of the report's images.
        UnreadableImageError: If it is no DICOM file.
    """
    from coherent_cxr.images.reading.dicom.opening import open_dicom

    data = source if isinstance(source, bytes) else source.read_bytes()
    wanted = ["SpecificCharacterSet", "SOPInstanceUID", *COPIED.values()]
    dataset = open_dicom(data, "The file that patient and study are copied from", wanted)
    instance = _value(dataset, "SOPInstanceUID")
    known = {image.dicom.instance_uid for image in report.images if image.dicom}
    if not instance or instance not in known:
        raise WrongStudyError(
            "The file that patient and study are to be copied from is none of the images that this report "
            "was written from, so nothing was copied. Name one of them."
        )
    return Identification(**{field: _checked(dataset, field) for field in COPIED})


def identification_among(report: StudyReport, sources: Iterable[object]) -> Identification | None:
    """Copy the same from the first of several files that is one of the report's images.

    Args:
        report: Of the study.
        sources: Files of the study; what is no path or is no DICOM file is passed over.

    Returns:
        The tags; None if none of the files is one of its DICOM images.
    """
    from coherent_cxr.images.reading.grey import UnreadableImageError

    for source in sources:
        if isinstance(source, str | Path):
            try:
                return identification_of(report, Path(source))
            except (WrongStudyError, UnreadableImageError, OSError):
                continue
    return None


def _checked(dataset: Dataset, field: str) -> str:
    value = storable(_value(dataset, COPIED[field])).strip()
    sound = re.fullmatch(_SHAPES[field], value) is not None and REPLACEMENT not in value
    return value if sound and _is_moment(field, value) else ""


def _is_moment(field: str, value: str) -> bool:
    """Whether the value of a date or a time is one; of other fields, true."""
    try:
        if field.endswith("_date"):
            date(int(value[:4]), int(value[4:6]), int(value[6:8]))
        elif field.endswith("_time"):
            hours, minutes, seconds = (int(value[place : place + 2] or 0) for place in (0, 2, 4))
            time(hours, minutes, seconds)
    except ValueError:
        return False
    return True


def _value(dataset: Dataset, keyword: str) -> str:
    try:
        value = dataset.get(keyword)
    except Exception:  # bytes that are not of the type that the tag has
        return ""
    return "" if value is None else str(value)
