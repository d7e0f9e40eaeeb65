"""FHIR R4: valid by the library's models, faithful, and without the patient unless somebody asks."""

from __future__ import annotations

import base64
import json

import pytest
from fhir.resources.R4B.bundle import Bundle

from coherent_cxr.images.reading.notes import Note
from coherent_cxr.serving.outputs.fhir import fhir, text_of
from coherent_cxr.serving.outputs.identification import Identification
from coherent_cxr.serving.study_report import StudyImage
from helpers.study_reports import DIGEST, TEXT, make_study, reference

ODD = [
    "",
    TEXT,
    "Wärme, 心臓 \U0001f9e1 <b>&amp;\u00a0\u2028é",
    "Long. " * 20_000 + "End.",
    "\tA\r\nB \\ \"'",
]


def resources(bundle, kind):
    return [one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == kind]


@pytest.mark.parametrize("text", ODD)
def test_text_comes_back_as_it_was_and_the_bundle_is_valid(text):
    bundle = json.loads(json.dumps(fhir(make_study(text=text))))
    assert text_of(bundle) == text
    Bundle.model_validate(bundle)


def test_what_fhir_cannot_hold_is_replaced():
    assert text_of(fhir(make_study(text="a\x00b\ud800c"))) == "a\ufffdb\ufffdc"


def test_everything_refers_to_something_that_is_there():
    bundle = fhir(make_study())
    names = {entry["fullUrl"] for entry in bundle["entry"]}
    assert len(names) == len(bundle["entry"])
    asked = [part.split('"')[0] for part in json.dumps(bundle).split('"reference": "')[1:]]
    assert len(asked) > 14
    assert set(asked) <= names
    assert {len(resources(bundle, kind)) for kind in ("DiagnosticReport", "Device", "Provenance")} == {1}
    assert resources(bundle, "Patient") == []


def test_it_says_that_a_machine_says_so_and_nobody_has_read_it():
    bundle = fhir(make_study())
    for entry in bundle["entry"]:
        assert [label["code"] for label in entry["resource"]["meta"]["security"]] == ["AIAST"]
    for one in (*resources(bundle, "DiagnosticReport"), *resources(bundle, "Observation")):
        assert one["status"] == "preliminary"
    (report,), (device,) = resources(bundle, "DiagnosticReport"), resources(bundle, "Device")
    shown = base64.b64decode(report["presentedForm"][0]["data"]).decode()
    for text in (shown, report["text"]["div"], device["note"][0]["text"]):
        assert "For research only, not for clinical use." in text
    assert TEXT in shown
    assert device["identifier"][0]["value"] == DIGEST
    assert {"type": {"text": "model"}, "value": "3"} in device["version"]


def test_every_finding_has_an_observation_with_decision_and_probability():
    found = {one["code"]["text"]: one for one in resources(fhir(make_study()), "Observation")}
    assert len(found) == 14
    effusion = found["Pleural Effusion"]
    assert {"system": "http://snomed.info/sct", "code": "60046008", "display": "Pleural effusion"} in (
        effusion["code"]["coding"]
    )
    assert effusion["valueCodeableConcept"]["text"] == "present"
    assert [part.get("valueQuantity", {}).get("value") for part in effusion["component"]] == [
        None,
        None,
        0.65,
    ]
    assert found["Lung Opacity"]["valueCodeableConcept"]["text"] == "undetermined"
    assert found["Pneumothorax"]["valueCodeableConcept"]["text"] == "absent"


def test_a_finding_of_which_nothing_was_decided_says_so():
    study = make_study(findings=None, uncertain=(), operating_point=None)
    found = {one["code"]["text"]: one for one in resources(fhir(study), "Observation")}
    assert "valueCodeableConcept" not in found["Fracture"]
    assert found["Fracture"]["dataAbsentReason"]["coding"][0]["code"] == "unknown"


def test_source_images_are_named_by_their_identifiers():
    images = [
        StudyImage(name, "frontal", "tags", dicom=reference(place)) for place, name in enumerate("ab", 1)
    ]
    bundle = fhir(make_study(*images))
    (report,), (provenance,) = resources(bundle, "DiagnosticReport"), resources(bundle, "Provenance")
    assert [one["identifier"]["value"] for one in report["imagingStudy"]] == ["urn:oid:1.2.826.0.1.77"]
    sources = [one["what"]["identifier"]["value"] for one in provenance["entity"]]
    assert sources == ["urn:oid:1.2.826.0.1.77.1.1", "urn:oid:1.2.826.0.1.77.1.2"]
    without = fhir(make_study(StudyImage("d.png", "frontal", "given")))
    assert "imagingStudy" not in resources(without, "DiagnosticReport")[0]
    assert "entity" not in resources(without, "Provenance")[0]


def test_nothing_names_the_patient():
    image = StudyImage("Doe_Jane.png", "frontal", "given")
    notes = (Note("lateral_view", "The image Doe_Jane.png of study Doe is lateral."),)
    bundle = json.dumps(fhir(make_study(image, notes=notes, study_id="Doe")))
    decoded = base64.b64decode(bundle.split('"data": "')[1].split('"')[0]).decode()
    assert "Doe" not in bundle + decoded
    assert "The image image 1 of study the study is lateral." in decoded


def test_patient_and_request_on_demand():
    who = Identification("Doe^Jane^Q", "MRN-1", "St Elsewhere", "19500102", "F", "ACC-7")
    bundle = fhir(make_study(), who)
    ((name, patient),) = [
        (one["fullUrl"], one["resource"])
        for one in bundle["entry"]
        if one["resource"]["resourceType"] == "Patient"
    ]
    assert patient["name"] == [{"text": "Jane Q Doe", "family": "Doe", "given": ["Jane", "Q"]}]
    assert patient["identifier"] == [{"value": "MRN-1", "assigner": {"display": "St Elsewhere"}}]
    assert (patient["birthDate"], patient["gender"]) == ("1950-01-02", "female")
    (report,) = resources(bundle, "DiagnosticReport")
    assert report["subject"] == {"reference": name}
    assert report["identifier"][0]["value"] == "ACC-7"
    assert all(one["subject"] == {"reference": name} for one in resources(bundle, "Observation"))
    Bundle.model_validate(fhir(make_study(), Identification(patient_name="^^^", accession_number="1")))
