"""FHIR R4: a collection of a DiagnosticReport, an Observation per finding, the Device and its Provenance."""

from __future__ import annotations

import base64
import json
import uuid
from html import escape
from typing import TYPE_CHECKING, Any

from coherent_cxr import __version__
from coherent_cxr.serving.outputs.characters import storable
from coherent_cxr.serving.outputs.fhir_terms import (
    AI_ASSERTED,
    CHEST_RADIOGRAPH,
    IMAGING,
    RADIOLOGY,
    concept,
    finding_concept,
    label_concept,
    presence,
)
from coherent_cxr.serving.outputs.findings import Finding, findings_of
from coherent_cxr.serving.outputs.identification import Identification
from coherent_cxr.serving.outputs.readable import as_text, checks, model_name, paragraphs
from coherent_cxr.serving.outputs.structured_report import MAKER, PRODUCT, moment, references, require_serve
from coherent_cxr.serving.report import NOTICE

if TYPE_CHECKING:
    from coherent_cxr.serving.study_report import StudyReport

DICOM_UID = "urn:dicom:uid"
GENDERS = {"M": "male", "F": "female", "O": "other"}


def fhir(report: StudyReport, identification: Identification | None = None) -> dict[str, Any]:
    """Return the report as a FHIR R4 bundle of type ``collection``, status preliminary.

    Every resource bears the security label "Artificial Intelligence asserted". Source images are named by
    their DICOM identifiers; there is no Patient, nor the study's name, unless an identification is given.

    Args:
        report: Of the study.
        identification: Patient and study; by default none.

    Returns:
        JSON, checked by the models of fhir.resources.

    Raises:
        MissingExtraError: If fhir.resources is not installed.
    """
    require_serve("fhir.resources.R4B.bundle", "FHIR")
    from fhir.resources.R4B.bundle import Bundle

    who, when = identification or Identification(), _instant(report)
    names = {"patient": _urn(), "device": _urn(), "report": _urn()}
    findings = {_urn(): finding for finding in findings_of(report)}
    subject = {"subject": {"reference": names["patient"]}} if any(who) else {}
    common = {"status": "preliminary", "effectiveDateTime": when, **subject}
    observations = {
        name: {**_observation(report, finding), **common, "device": {"reference": names["device"]}}
        for name, finding in findings.items()
    }
    diagnostic = {
        **_diagnostic(report, who, list(observations)),
        **common,
        "issued": when,
        "performer": [{"reference": names["device"]}],
    }
    targets = [{"reference": name} for name in (names["report"], *observations)]
    entries = {
        names["report"]: diagnostic,
        **observations,
        names["device"]: _device(report),
        _urn(): _provenance(report, targets, names["device"], when),
        **({names["patient"]: _patient(who)} if any(who) else {}),
    }
    bundle = {
        "resourceType": "Bundle",
        "meta": {"security": [AI_ASSERTED]},
        "type": "collection",
        "timestamp": when,
        "entry": [{"fullUrl": name, "resource": _labelled(resource)} for name, resource in entries.items()],
    }
    checked: dict[str, Any] = json.loads(Bundle.model_validate(bundle).model_dump_json())
    return checked


def text_of(bundle: dict[str, Any]) -> str:
    """Return the conclusion of such a bundle: the impression where there is one, else the report's text.

    Args:
        bundle: Written by :func:`fhir`.
    """
    reports = [entry["resource"] for entry in bundle["entry"]]
    return next(
        str(one.get("conclusion", "")) for one in reports if one["resourceType"] == "DiagnosticReport"
    )


def _diagnostic(report: StudyReport, who: Identification, observations: list[str]) -> dict[str, Any]:
    sections = report.report.sections
    text = storable(sections.get("impression", sections.get("findings", "")))
    whole = as_text(report) if any(who) else _without_names(report)
    made = {
        "resourceType": "DiagnosticReport",
        "category": [RADIOLOGY],
        "code": CHEST_RADIOGRAPH,
        "result": [{"reference": name} for name in observations],
        "presentedForm": [
            {
                "contentType": "text/plain; charset=utf-8",
                "language": "en",
                "title": "Generated report, for research only",
                "data": base64.b64encode(whole.encode()).decode("ascii"),
            }
        ],
        "text": {"status": "generated", "div": _narrative(report)},
    }
    if text:
        made["conclusion"] = text
    studies = dict.fromkeys(source.study_uid for source in references(report))
    if studies:
        made["imagingStudy"] = [
            {"type": "ImagingStudy", "identifier": {"system": DICOM_UID, "value": f"urn:oid:{uid}"}}
            for uid in studies
        ]
    if who.accession_number:
        made["identifier"] = [{"type": label_concept("ACSN"), "value": who.accession_number}]
    return made


def _observation(report: StudyReport, finding: Finding) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    if finding.label is not None:
        said = {1: "present", 0: "absent"}.get(finding.label, "undetermined")
        parts.append({"code": concept("Label of the text"), "valueCodeableConcept": presence(said)})
    if finding.called is not None:
        point = f"Called by the operating point {report.report.operating_point}"
        parts.append({"code": concept(storable(point)), "valueBoolean": finding.called})
    if finding.probability is not None:
        quantity = {
            "value": round(finding.probability, 4),
            "system": "http://unitsofmeasure.org",
            "code": "1",
        }
        parts.append({"code": concept("Probability by the label classifier"), "valueQuantity": quantity})
    if finding.abstained:
        parts.append({"code": concept("Abstained"), "valueBoolean": True})
    made = {
        "resourceType": "Observation",
        "category": [IMAGING],
        "code": finding_concept(finding),
        "component": parts,
        "note": [{"text": NOTICE}],
    }
    if finding.decision is None:
        made["dataAbsentReason"] = label_concept("unknown")
    else:
        made["valueCodeableConcept"] = presence(finding.decision)
    return made


def _device(report: StudyReport) -> dict[str, Any]:
    versions = [("software", __version__), ("model", report.model.version), ("system", report.report.system)]
    return {
        "resourceType": "Device",
        "identifier": [{"system": "urn:coherent-cxr:bundle-sha256", "value": storable(report.model.digest)}]
        if report.model.digest
        else [],
        "manufacturer": MAKER,
        "deviceName": [
            {"name": PRODUCT, "type": "user-friendly-name"},
            {"name": model_name(report), "type": "model-name"},
        ],
        "version": [{"type": {"text": kind}, "value": storable(value)} for kind, value in versions if value],
        "note": [{"text": NOTICE}],
    }


def _provenance(report: StudyReport, targets: list[dict[str, str]], device: str, when: str) -> dict[str, Any]:
    return {
        "resourceType": "Provenance",
        "target": targets,
        "recorded": when,
        "agent": [{"type": label_concept("author"), "who": {"reference": device}}],
        "entity": [
            {
                "role": "source",
                "what": {"identifier": {"system": DICOM_UID, "value": f"urn:oid:{source.instance_uid}"}},
            }
            for source in references(report)
        ],
    }


def _patient(who: Identification) -> dict[str, Any]:
    made: dict[str, Any] = {"resourceType": "Patient"}
    if who.patient_id:
        assigner = {"assigner": {"display": who.patient_id_issuer}} if who.patient_id_issuer else {}
        made["identifier"] = [{"value": who.patient_id, **assigner}]
    if who.patient_name:
        family, _, given = who.patient_name.split("=")[0].partition("^")
        names = [name for name in given.split("^")[:2] if name]
        made["name"] = [
            {
                "text": " ".join([*names, family]).strip() or who.patient_name,
                **({"family": family} if family else {}),
                **({"given": names} if names else {}),
            }
        ]
    date = who.patient_birth_date
    if date:
        made["birthDate"] = f"{date[:4]}-{date[4:6]}-{date[6:]}"
    if who.patient_sex:
        made["gender"] = GENDERS[who.patient_sex]
    return made


def _labelled(resource: dict[str, Any]) -> dict[str, Any]:
    """Add the label, and leave out what is empty: FHIR has no empty lists."""
    filled = {key: value for key, value in resource.items() if value not in ([], {}, "")}
    return {**filled, "meta": {"security": [AI_ASSERTED]}}


def _narrative(report: StudyReport) -> str:
    lines = [NOTICE, *paragraphs(report), *checks(report, names=False)]
    escaped = "".join(f"<p>{escape(storable(line))}</p>" for line in lines if line)
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{escaped}</div>'


def _without_names(report: StudyReport) -> str:
    """Return text and checks without the names of study and files, which may name a patient."""
    return "\n".join([NOTICE, "", *paragraphs(report), "", *checks(report, names=False)]) + "\n"


def _instant(report: StudyReport) -> str:
    return moment(report.created).strftime("%Y-%m-%dT%H:%M:%SZ")


def _urn() -> str:
    return f"urn:uuid:{uuid.uuid4()}"
