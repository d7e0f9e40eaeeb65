"""Codes of FHIR resources."""

from __future__ import annotations

from typing import Any

from coherent_cxr.serving.outputs.findings import SCHEME_URI, SNOMED, Finding

SNOMED_URI, LOINC_URI = "http://snomed.info/sct", "http://loinc.org"
HL7 = "http://terminology.hl7.org/CodeSystem"
AI_ASSERTED = {
    "system": f"{HL7}/v3-ObservationValue",
    "code": "AIAST",
    "display": "Artificial Intelligence asserted",
}
"""Security label: an algorithm says so, no person."""
CHEST_RADIOGRAPH = {
    "coding": [{"system": LOINC_URI, "code": "30745-4", "display": "XR Chest Views"}],
    "text": "Chest radiograph, generated findings",
}
RADIOLOGY = {"coding": [{"system": f"{HL7}/v2-0074", "code": "RAD", "display": "Radiology"}]}
IMAGING = {"coding": [{"system": f"{HL7}/observation-category", "code": "imaging", "display": "Imaging"}]}
_PRESENCE = {
    "present": ("52101004", "Present"),
    "absent": ("2667000", "Absent"),
    "undetermined": ("82334004", "Indeterminate"),
}
_OTHERS = {
    "ACSN": (f"{HL7}/v2-0203", "Accession ID"),
    "unknown": (f"{HL7}/data-absent-reason", "Unknown"),
    "author": (f"{HL7}/provenance-participant-type", "Author"),
}


def concept(text: str) -> dict[str, Any]:
    """Return a concept that has no code, only words."""
    return {"text": text}


def label_concept(code: str) -> dict[str, Any]:
    """Return one of HL7's codes with its system and display."""
    system, display = _OTHERS[code]
    return {"coding": [{"system": system, "code": code, "display": display}]}


def presence(decision: str) -> dict[str, Any]:
    """Return SNOMED CT's qualifier of a decision: present, absent or undetermined."""
    code, display = _PRESENCE[decision]
    return {"coding": [{"system": SNOMED_URI, "code": code, "display": display}], "text": decision}


def finding_concept(finding: Finding) -> dict[str, Any]:
    """Return an observation of CheXpert, with SNOMED CT's concept where there is one."""
    coding = [{"system": SCHEME_URI, "code": finding.code, "display": finding.name}]
    if finding.name in SNOMED:
        code, display = SNOMED[finding.name]
        coding.append({"system": SNOMED_URI, "code": code, "display": display})
    return {"coding": coding, "text": finding.name}
