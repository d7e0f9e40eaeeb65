"""What both DICOM structured reports have in common: head of the file, evidence, observer."""

from __future__ import annotations

import hashlib
import io
import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from coherent_cxr import __version__
from coherent_cxr.serving.outputs.findings import SCHEME, SNOMED, Finding
from coherent_cxr.serving.outputs.identification import Identification
from coherent_cxr.serving.outputs.readable import model_name

if TYPE_CHECKING:
    from highdicom.sr import CodedConcept, ObservationContext
    from pydicom.dataset import Dataset

    from coherent_cxr.serving.study_report import DicomReference, StudyReport

MAKER, PRODUCT = "Coherent CXR", "Coherent CXR report generator"
SERIES = {"text": 9001, "measurements": 9002}
"""Numbers of the series that the documents form, far above those of images."""
DESCRIPTION = "Generated report: research only, not for clinical use"
_UID = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){1,31}")


class MissingExtraError(ImportError):
    """A library of the extra ``serve`` that is not installed."""


def require_serve(library: str, purpose: str) -> None:
    """Stop in a sentence where a library of the extra ``serve`` is not installed.

    Args:
        library: Name to import.
        purpose: What it is needed for.

    Raises:
        MissingExtraError: If it cannot be imported.
    """
    import importlib

    try:
        importlib.import_module(library)
    except ImportError as error:
        raise MissingExtraError(
            f"{purpose} needs the library {library}. Install it with: pip install 'coherent-cxr[serve]'"
        ) from error


def references(report: StudyReport, used_only: bool = False) -> list[DicomReference]:
    """Return the source images that a document can refer to, each once.

    Args:
        report: Of the study.
        used_only: Leave out the images that the report does not rest on.

    Returns:
        Those with identifiers as DICOM allows them; none of a study without DICOM images.
    """
    found = {
        image.dicom.instance_uid: image.dicom
        for image in report.images
        if image.dicom and all(map(_is_uid, image.dicom)) and not (used_only and image.left_out)
    }
    return list(found.values())


def coded(finding: Finding) -> CodedConcept:
    """Return a finding's code: SNOMED CT's where there is one, else ours."""
    from highdicom.sr import CodedConcept

    if finding.name in SNOMED:
        value, meaning = SNOMED[finding.name]
        return CodedConcept(value, "SCT", meaning)
    return CodedConcept(finding.code, SCHEME, finding.name)


def observer(report: StudyReport) -> ObservationContext:
    """Return who observed: the model as a device, by name, version and digest."""
    from highdicom.sr import DeviceObserverIdentifyingAttributes, ObservationContext, ObserverContext
    from pydicom.sr.codedict import codes

    version = f" version {report.model.version}" if report.model.version else ""
    device = DeviceObserverIdentifyingAttributes(
        uid=_device_uid(report.model.digest),
        name=PRODUCT,
        manufacturer_name=MAKER,
        model_name=f"{model_name(report)}{version}",
        serial_number=report.model.digest or "not recorded",
    )
    return ObservationContext(ObserverContext(codes.DCM.Device, device))


def document(
    report: StudyReport,
    class_uid: str,
    content: Dataset,
    series: str,
    identification: Identification | None,
) -> Dataset:
    """Return a structured report: preliminary, unverified, complete.

    Args:
        report: Of the study.
        class_uid: SOP Class UID.
        content: Root of the content tree.
        series: Key of :data:`SERIES`.
        identification: Patient and study; None leaves them empty.
    """
    from highdicom import SOPClass
    from highdicom.sr.utils import collect_evidence
    from pydicom.uid import ExplicitVRLittleEndian

    sources = references(report)
    study = next(iter(references(report, used_only=True) or sources), None)
    who, when = identification or Identification(), moment(report.created)
    made = SOPClass(
        study_instance_uid=study.study_uid if study else new_uid(),
        series_instance_uid=new_uid(),
        series_number=SERIES[series],
        sop_instance_uid=new_uid(),
        sop_class_uid=class_uid,
        instance_number=1,
        modality="SR",
        manufacturer=MAKER,
        manufacturer_model_name=PRODUCT,
        software_versions=__version__,
        device_serial_number=report.model.digest[:64] or None,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        patient_id=who.patient_id,
        patient_name=who.patient_name,
        patient_birth_date=who.patient_birth_date,
        patient_sex=who.patient_sex,
        accession_number=who.accession_number,
        study_id=who.study_id,
        study_date=who.study_date,
        study_time=who.study_time,
        referring_physician_name=who.referring_physician,
        content_date=when.date(),
        content_time=when.time(),
        series_description=DESCRIPTION,
        specific_character_set="ISO_IR 192",
        coding_schemes=_schemes(),
    )
    made.InstanceCreationDate, made.InstanceCreationTime = made.ContentDate, made.ContentTime
    made.TimezoneOffsetFromUTC = "+0000"
    if who.patient_id_issuer:
        made.IssuerOfPatientID = who.patient_id_issuer
    if who.study_description:
        made.StudyDescription = who.study_description
    made.CompletionFlag, made.VerificationFlag, made.PreliminaryFlag = (
        "COMPLETE",
        "UNVERIFIED",
        "PRELIMINARY",
    )
    made.PerformedProcedureCodeSequence = []
    made.ReferencedPerformedProcedureStepSequence = []
    for element in content:
        made[element.tag] = element
    evidence = [_as_dataset(source) for source in sources]
    own, others = collect_evidence(evidence, content, made.StudyInstanceUID)
    if own:
        made.CurrentRequestedProcedureEvidenceSequence = own
    if others:
        made.PertinentOtherEvidenceSequence = others
    return made


def as_bytes(made: Dataset) -> bytes:
    """Return a document as the bytes of a DICOM file."""
    file = io.BytesIO()
    made.save_as(file, enforce_file_format=True)
    return file.getvalue()


def new_uid() -> str:
    """Return an identifier that nobody else has: a random number that says nothing about the study."""
    return f"2.25.{uuid.uuid4().int}"


def _device_uid(digest: str) -> str:
    """Return the same identifier for the same model."""
    return f"2.25.{uuid.UUID(bytes=hashlib.sha256(digest.encode()).digest()[:16], version=4).int}"


def _schemes() -> Sequence[Any]:
    from highdicom.coding_schemes import CodingSchemeIdentificationItem

    return [
        CodingSchemeIdentificationItem(
            designator=SCHEME,
            name="Observations of CheXpert",
            version=None,
            registry=None,
            uid=None,
            external_id=None,
            responsible_organization=MAKER,
        )
    ]


def _as_dataset(source: DicomReference) -> Dataset:
    from pydicom.dataset import Dataset

    made = Dataset()
    made.StudyInstanceUID, made.SeriesInstanceUID = source.study_uid, source.series_uid
    made.SOPInstanceUID, made.SOPClassUID = source.instance_uid, source.class_uid
    return made


def _is_uid(value: str) -> bool:
    return len(value) <= 64 and _UID.fullmatch(value) is not None


def moment(created: str) -> datetime:
    """Return when a report was made; without a time zone it is UTC."""
    moment = datetime.fromisoformat(created)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
