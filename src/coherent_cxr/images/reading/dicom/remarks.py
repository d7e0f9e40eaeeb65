"""Warnings about an image that follow from its DICOM tags."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from coherent_cxr.images.reading.dicom.opening import open_dicom
from coherent_cxr.images.reading.dicom.tags import text, value_of
from coherent_cxr.images.reading.notes import Note

IDENTIFYING = (
    "PatientName", "PatientBirthDate", "PatientAddress", "PatientTelephoneNumbers", "PatientMotherBirthName",
    "OtherPatientIDs", "OtherPatientNames", "MilitaryRank", "AccessionNumber", "InstitutionName",
    "InstitutionAddress", "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName",
    "PhysiciansOfRecord", "NameOfPhysiciansReadingStudy", "RequestingPhysician", "StationName",
    "DeviceSerialNumber", "PatientComments", "ImageComments",
)  # fmt: skip
"""Tags of DICOM's basic confidentiality profile that most often still hold a name when they should not."""
BLANKED = re.compile(r"[\s^_*xX0-]*|anon\w*|removed|unknown|none", re.IGNORECASE)
VIEWS = {
    **dict.fromkeys(("PA", "AP", "POSTERO-ANTERIOR", "ANTERO-POSTERIOR", "FRONTAL"), "frontal"),
    **dict.fromkeys(("LL", "RL", "LAT", "LATERAL"), "lateral"),
}
VIEW_TAGS = ["PatientOrientation", "ViewPosition", "ViewCodeSequence", "SeriesDescription"]
ORIENTATIONS = {"A": "lateral", "P": "lateral", "L": "frontal", "R": "frontal"}
CHEST = (
    "CHEST",
    "THORAX",
    "TORAX",
    "LUNG",
    "RIB",
    "HEART",
    "MEDIASTIN",
    "STERN",
    "BRONCH",
    "TRACHEA",
    "CLAVICLE",
)
OTHER_PARTS = (
    "ABDOMEN", "ANKLE", "ARM", "BRAIN", "BREAST", "CALCANEUS", "CERVICAL", "COCCYX", "COLON", "CSPINE",
    "EAR", "ELBOW", "EXTREMITY", "EYE", "FACE", "FEMUR", "FINGER", "FOOT", "FOREARM", "HAND", "HEAD",
    "HIP", "HUMERUS", "JAW", "KIDNEY", "KNEE", "LEG", "LIVER", "LSPINE", "LUMBAR", "MAXILLA", "NECK",
    "NOSE", "ORBIT", "PATELLA", "PELVIS", "SACRUM", "SHOULDER", "SINUS", "SKULL", "SPINE", "SSPINE",
    "THUMB", "TIBIA", "TOE", "TOOTH", "TSPINE", "WRIST",
)  # fmt: skip
"""Words of DICOM's terms for parts of the body; only these are quoted, so a name in the tag is not."""
OTHER_MODALITIES = {
    "CT": "computed tomography", "MR": "magnetic resonance", "MG": "mammography", "US": "ultrasound",
    "NM": "nuclear medicine", "PT": "positron emission tomography", "IO": "intra-oral radiography",
    "PX": "panoramic X-ray", "OP": "ophthalmic photography", "ES": "endoscopy", "SM": "slide microscopy",
    "XC": "photography", "BMD": "bone densitometry", "OCT": "optical coherence tomography", "ECG": "ECG",
    "XA": "angiography", "GM": "microscopy", "DOC": "a document", "IVUS": "intravascular ultrasound",
}  # fmt: skip


def dicom_view(data: bytes) -> str:
    """Return the view that a DICOM file's tags state: ``"frontal"``, ``"lateral"`` or ``"unknown"``.

    A Patient Orientation whose rows run to the front or back says lateral, one to a side frontal. It comes
    first, because "PA" stands on a third of all laterals of Open-I. Then View Position, View Code Sequence
    and Series Description are looked at.
    """
    try:
        return view_of(open_dicom(data, "The file", VIEW_TAGS))
    except Exception:  # a view that cannot be read is unknown, whatever is wrong with the file
        return "unknown"


def view_of(dataset: Dataset) -> str:
    """Return the view that tags state, see :func:`dicom_view`."""
    rows = text(dataset, "PatientOrientation")[:1]
    if rows in ORIENTATIONS:
        return ORIENTATIONS[rows]
    codes = [text(item, "CodeMeaning") for item in _items(dataset, "ViewCodeSequence")]
    described = re.findall(r"\w+", text(dataset, "SeriesDescription"))
    words = [text(dataset, "ViewPosition"), *codes, *described]
    return next((VIEWS[word] for word in words if word in VIEWS), "unknown")


def describe(dataset: Dataset) -> Iterator[Note]:
    """Yield notes on what the tags say the image shows and whether they tell who the patient is."""
    if view_of(dataset) == "lateral":
        yield Note("lateral_view", "Its tags say that it is a lateral view; the model reads frontal ones.")
    modality = text(dataset, "Modality")
    if modality in OTHER_MODALITIES:
        detail = f"Its tags say that it is no projection radiograph but {OTHER_MODALITIES[modality]}."
        yield Note("other_modality", detail)
    regions = [text(item, "CodeMeaning") for item in _items(dataset, "AnatomicRegionSequence")]
    described = (
        text(dataset, keyword) for keyword in ("SeriesDescription", "ProtocolName", "StudyDescription")
    )
    part = _other_part([text(dataset, "BodyPartExamined"), " ".join(regions), *described])
    if part:
        yield Note("other_body_part", f"Its tags say that it shows another part of the body ({part}).")
    filled = [tag for tag in IDENTIFYING if not BLANKED.fullmatch(text(dataset, tag))]
    if filled:
        yield Note("identifying_tags", f"These tags are filled; they were not copied: {', '.join(filled)}.")
    if text(dataset, "BurnedInAnnotation") == "YES":
        yield Note("burned_in_annotation", "The file says that its pixels may identify the patient.")


def _other_part(texts: list[str]) -> str:
    """Return the part of the body that the first text to name one speaks of, empty for the chest."""
    for tag_text in texts:
        if any(word in tag_text for word in CHEST):
            return ""
        words = re.findall(r"[A-Z]+", tag_text.replace("_EXM", "_EXTREMITY"))
        for part in OTHER_PARTS:
            if any(word.startswith(part) for word in words):
                return part.lower()
    return ""


def _items(dataset: Dataset, keyword: str) -> list[Dataset]:
    found = value_of(dataset, keyword)
    return list(found) if isinstance(found, Sequence) else []
