"""DICOM structured reports: valid, faithful, and without the patient unless somebody asks."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

from coherent_cxr.images.reading.notes import Note
from coherent_cxr.serving.outputs.identification import COPIED, WrongStudyError, identification_of
from coherent_cxr.serving.outputs.measurements_sr import NoFindingsError, measurements_sr
from coherent_cxr.serving.outputs.text_sr import text_of, text_sr
from coherent_cxr.serving.study_report import StudyImage
from helpers.dicom_files import dataset, written
from helpers.study_reports import DIGEST, TEXT, make_study, reference

VALIDATOR = shutil.which(
    "dciodvfy", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
)
ODD = {
    "plain": TEXT,
    "empty": "",
    "unicode": "Wärme, 心臓, \U0001f9e1, عربى, \u00a0\u2028 Łódź é",
    "long": "The lungs are clear. " * 20_000 + "End.",
    "lines": "One.\nTwo.\r\nThree\\four ^ = .",
}


def opened(document: bytes) -> pydicom.Dataset:
    return pydicom.dcmread(io.BytesIO(document))


def errors(document: bytes, folder: Path) -> list[str]:
    file = folder / "document.dcm"
    file.write_bytes(document)
    done = subprocess.run([VALIDATOR, str(file)], capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).splitlines()
    assert any(line.endswith("SR") for line in said), said  # it knows what it looked at
    return [line for line in said if line.startswith("Error")] + ([] if done.returncode == 0 else ["rc"])


@pytest.mark.skipif(VALIDATOR is None, reason="dciodvfy (of dicom3tools) is not installed")
@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_the_validator_finds_no_error(text, tmp_path):
    images = [
        StudyImage("a", "frontal", "tags", dicom=reference(1)),
        StudyImage("b", "lateral", "tags", "It is a lateral.", reference(2)),
        StudyImage("c", "frontal", "classifier", dicom=reference(1, "1.2.826.0.1.78")),
        StudyImage("d.png", "frontal", "classifier"),
    ]
    assert errors(text_sr(make_study(*images, text=text)), tmp_path) == []
    if text == TEXT:
        pictures = make_study(StudyImage("d.png", "frontal", "given"))
        assert errors(text_sr(pictures), tmp_path) == []
        assert errors(measurements_sr(make_study(*images)), tmp_path) == []
        assert errors(measurements_sr(pictures), tmp_path) == []


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_text_comes_back_as_it_was(text):
    assert text_of(opened(text_sr(make_study(text=text)))) == text


def test_what_dicom_cannot_hold_is_replaced():
    told = text_of(opened(text_sr(make_study(text="a\x00b\x1bc\ud800d\x85e\uffff"))))
    assert told == "a\ufffdb\ufffdc\ufffdd\ufffde\ufffd"


def test_source_images_are_evidence_and_the_text_rests_on_those_that_were_used():
    made = opened(
        text_sr(
            make_study(
                StudyImage("a", "frontal", "tags", dicom=reference(1)),
                StudyImage("b", "lateral", "tags", "It is a lateral.", reference(2)),
                StudyImage("c", "frontal", "tags", dicom=reference(3, "1.2.826.0.1.78")),
            )
        )
    )
    assert made.StudyInstanceUID == "1.2.826.0.1.77"
    assert made.SeriesInstanceUID != "1.2.826.0.1.77.1"
    (own,), (other,) = made.CurrentRequestedProcedureEvidenceSequence, made.PertinentOtherEvidenceSequence
    instances = [
        one.ReferencedSOPInstanceUID for one in own.ReferencedSeriesSequence[0].ReferencedSOPSequence
    ]
    assert instances == ["1.2.826.0.1.77.1.1", "1.2.826.0.1.77.1.2"]
    assert other.StudyInstanceUID == "1.2.826.0.1.78"
    (finding,) = next(
        item.ContentSequence
        for item in made.ContentSequence
        if item.ConceptNameCodeSequence[0].CodeMeaning == "Findings"
    )
    sources = [one.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for one in finding.ContentSequence]
    assert sources == ["1.2.826.0.1.77.1.1", "1.2.826.0.1.78.1.3"]


def test_without_dicom_images_there_is_a_new_study_and_no_evidence():
    study = make_study(StudyImage("d.png", "frontal", "classifier"))
    first, second = opened(text_sr(study)), opened(measurements_sr(study))
    assert first.StudyInstanceUID != second.StudyInstanceUID
    for made in (first, second):
        assert made.StudyInstanceUID.startswith("2.25.")
        assert "CurrentRequestedProcedureEvidenceSequence" not in made
        assert "INFERRED FROM" not in str(made)


@pytest.mark.parametrize("uid", ["", "1.2.abc", "1." * 40 + "1", "1.02.3", "1"])
def test_identifiers_that_are_none_are_not_referred_to(uid, tmp_path):
    broken = StudyImage("a", "frontal", "tags", dicom=reference(1)._replace(instance_uid=uid))
    made = opened(text_sr(make_study(broken)))
    assert "CurrentRequestedProcedureEvidenceSequence" not in made


def test_it_says_that_it_is_research_preliminary_and_by_which_model():
    made = opened(text_sr(make_study()))
    assert (made.PreliminaryFlag, made.VerificationFlag) == ("PRELIMINARY", "UNVERIFIED")
    assert (made.DeviceSerialNumber, made.ContentDate, made.ContentTime) == (DIGEST, "20261128", "123456")
    said = {
        item.ConceptNameCodeSequence[0].CodeMeaning: item.get("TextValue") for item in made.ContentSequence
    }
    assert said["Device Observer Serial Number"] == DIGEST
    assert said["Device Observer Model Name"] == "models:/coherent-cxr@champion version 3"
    summary = [str(item.TextValue) for item in made.ContentSequence[-1].ContentSequence]
    assert summary[0].startswith("For research only, not for clinical use.")
    assert "The model abstains on: Lung Opacity." in summary
    assert "Pleural Effusion: positive in the text; called; probability 0.65." in summary


def test_measurements_hold_certainty_and_decision():
    groups = {}
    for item in opened(measurements_sr(make_study())).ContentSequence[-1].ContentSequence:
        named = {one.ConceptNameCodeSequence[0].CodeMeaning: one for one in item.ContentSequence}
        number = float(named["Certainty of Finding"].MeasuredValueSequence[0].NumericValue)
        decision = named["Presence of property"].ConceptCodeSequence[0].CodeMeaning
        finding = named["Finding"].ConceptCodeSequence[0]
        groups[finding.CodeMeaning] = (finding.CodingSchemeDesignator, number, decision)
    assert len(groups) == 14
    assert groups["Pleural effusion"] == ("SCT", 65.0, "Present")
    assert groups["Lung Opacity"] == ("99CXRFIND", 29.0, "Presence Undetermined")
    assert groups["Pneumothorax"] == ("SCT", 59.0, "Absent")


def test_without_a_classifier_decisions_are_those_of_the_text():
    study = make_study(findings=None, probabilities=None, uncertain=(), operating_point=None)
    groups = opened(measurements_sr(study)).ContentSequence[-1].ContentSequence
    assert len(groups) == 4
    with pytest.raises(NoFindingsError, match="mentions no finding"):
        measurements_sr(make_study(findings=None, probabilities=None, uncertain=(), labels={}))


NAMED = {
    "PatientName": "Yamada^Tarou=山田^太郎",
    "PatientID": "MRN-0815",
    "IssuerOfPatientID": "St Elsewhere",
    "PatientBirthDate": "19500229",  # no such day
    "PatientSex": "F",
    "PatientAddress": "Secret Street 1",
    "OtherPatientIDs": "SECRET-2",
    "PatientTelephoneNumbers": "555-SECRET",
    "AccessionNumber": "ACC-77",
    "StudyID": "S-9",
    "StudyDate": "20260102",
    "StudyTime": "101112.5",
    "StudyDescription": "CHEST PA",
    "ReferringPhysicianName": "House^Gregory",
    "InstitutionName": "St Elsewhere Hospital",
    "OperatorsName": "Secret^Operator",
    "DeviceSerialNumber": "SECRET-SN",
    "StationName": "SECRET-ST",
    "SpecificCharacterSet": "ISO_IR 192",
}


def named_file() -> bytes:
    made = dataset(np.zeros((8, 8), np.uint16) + np.arange(8, dtype=np.uint16), **NAMED)
    made.StudyInstanceUID, made.SeriesInstanceUID = "1.2.826.0.1.77", "1.2.826.0.1.77.1"
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = reference(1).instance_uid
    return written(made)


def test_nothing_of_the_patient_is_copied():
    image = StudyImage("/data/Doe_Jane/img.dcm", "frontal", "tags", dicom=reference(1))
    notes = (Note("lateral_view", "The image /data/Doe_Jane/img.dcm of Doe_Jane-77 is lateral."),)
    study = make_study(image, notes=notes, study_id="Doe_Jane-77")
    for document in (text_sr(study), measurements_sr(study)):
        assert b"Doe" not in document
        made = opened(document)
        assert all(not made.get(keyword) for keyword in COPIED.values())


def test_what_is_copied_on_demand_is_what_the_documentation_lists(tmp_path):
    study = make_study()
    who = identification_of(study, named_file())
    assert who.patient_birth_date == ""
    for document in (text_sr(study, who), measurements_sr(study, who)):
        assert b"SECRET" not in document.upper()
        assert b"Hospital" not in document
        made = opened(document)
        for keyword in COPIED.values():
            expected = "" if keyword == "PatientBirthDate" else NAMED[keyword]
            assert str(made.get(keyword) or "") == expected, keyword
        assert VALIDATOR is None or errors(document, tmp_path) == []


def test_a_file_of_another_study_names_no_patient():
    other = make_study(StudyImage("a", "frontal", "tags", dicom=reference(2)))
    with pytest.raises(WrongStudyError, match="none of the images") as told:
        identification_of(other, named_file())
    assert "Yamada" not in str(told.value)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientID", "x" * 65),
        ("PatientID", "a\x07b"),
        ("StudyDate", "2026-01-02"),
        ("StudyTime", "250000"),
        ("PatientSex", "female"),
        ("AccessionNumber", "1" * 17),
        ("PatientName", "x" * 80),
        ("PatientName", "^^^"),
    ],
)
def test_tags_that_are_not_as_dicom_has_them_are_left_out(keyword, value, tmp_path):
    made = pydicom.dcmread(io.BytesIO(named_file()))
    with pydicom.config.disable_value_validation():
        setattr(made, keyword, value)
        made.is_implicit_VR = made.is_little_endian = None
        source = written(made)
    who = identification_of(make_study(), source)
    field = next(field for field, copied in COPIED.items() if copied == keyword)
    assert getattr(who, field) in ("", "^^^")
    document = text_sr(make_study(), who)
    assert VALIDATOR is None or errors(document, tmp_path) == []
