"""Tables as PadChest and CheXpert Plus publish them: all their columns, every cell invented."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping

PADCHEST = (
    "", "ImageID", "ImageDir", "StudyDate_DICOM", "StudyID", "PatientID", "PatientBirth", "PatientSex_DICOM",
    "ViewPosition_DICOM", "Projection", "MethodProjection", "Pediatric", "Modality_DICOM",
    "Manufacturer_DICOM", "PhotometricInterpretation_DICOM", "PixelRepresentation_DICOM",
    "PixelAspectRatio_DICOM", "SpatialResolution_DICOM", "BitsStored_DICOM", "WindowCenter_DICOM",
    "WindowWidth_DICOM", "Rows_DICOM", "Columns_DICOM", "XRayTubeCurrent_DICOM", "Exposure_DICOM",
    "ExposureInuAs_DICOM", "ExposureTime", "RelativeXRayExposure_DICOM", "ReportID", "Report", "MethodLabel",
    "Labels", "Localizations", "LabelsLocalizationsBySentence", "labelCUIS", "LocalizationsCUIS",
)  # fmt: skip
CHEXPERT_PLUS = (
    "path_to_image", "path_to_dcm", "frontal_lateral", "ap_pa", "deid_patient_id",
    "patient_report_date_order", "report", "section_narrative", "section_clinical_history", "section_history",
    "section_comparison", "section_technique", "section_procedure_comments", "section_findings",
    "section_impression", "section_end_of_impression", "section_summary", "section_accession_number", "age",
    "sex", "race", "ethnicity", "interpreter_needed", "insurance_type", "recent_bmi", "deceased", "split",
)  # fmt: skip
STUDY, PATIENT = "216840111366964000000000000000000000000000001", "839860000000000000000000000000000001"


def padchest_row(image: str, **cells: str) -> dict[str, str]:
    """Return a row of PadChest: image ``image`` of the study :data:`STUDY`, unless cells say otherwise."""
    return {
        "ImageID": f"{STUDY}_{image}.png",
        "ImageDir": "0",
        "StudyDate_DICOM": "20140915",
        "StudyID": STUDY,
        "PatientID": PATIENT,
        "PatientBirth": "1930.0",
        "Projection": "PA",
        "PixelAspectRatio_DICOM": "None",
        "ReportID": "4700001",
        "Report": " sin derram . silu cardiac normal .",
        "MethodLabel": "Physician",
        "Labels": "['normal']",
        "Localizations": "[]",
        "LabelsLocalizationsBySentence": "[['normal'], ['normal']]",
        "labelCUIS": "[]",
    } | cells


def chexpert_row(path: str, **cells: str) -> dict[str, str]:
    """Return a row of CheXpert Plus: the image ``path``, with a report of two sections."""
    findings, impression = "No effusion.\nThe heart is normal.", "\n1. NORMAL CHEST.\n"
    return {
        "path_to_image": path,
        "path_to_dcm": path.replace(".jpg", ".dcm"),
        "frontal_lateral": "Frontal",
        "ap_pa": "AP",
        "deid_patient_id": "patient00001",
        "patient_report_date_order": "1",
        "report": f"NARRATIVE:\nChest 1 View\n\nFINDINGS:\n{findings}\n\nIMPRESSION:\n{impression}",
        "section_clinical_history": '61 years, "ICU patient"',
        "section_findings": findings,
        "section_impression": impression,
        "age": "61.0",
        "split": "train",
    } | cells


def as_csv(rows: Iterable[Mapping[str, str]], columns: Iterable[str]) -> bytes:
    """Return rows as the bytes of a CSV file with these columns, cells that a row lacks empty."""
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, list(columns), restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue().encode()
