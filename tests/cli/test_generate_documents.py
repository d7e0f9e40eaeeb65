"""``coherent-cxr generate`` into an archive's documents: de-identified, unless the patient is asked for."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from click.testing import CliRunner

from coherent_cxr.cli import main
from coherent_cxr.serving.monitoring.drift_log import DriftLog
from helpers.dicom_files import dataset, written
from helpers.tiny_bundle import make_bundle


@pytest.fixture
def folder(tmp_path):
    """A bundle, and a study of a patient with a name."""
    make_bundle().save(tmp_path / "bundle")
    levels = np.random.default_rng(0).integers(0, 4095, (90, 70), dtype=np.uint16)
    named = {"PatientName": "Doe^Jane", "PatientID": "MRN-1", "PatientAddress": "Secret Street"}
    made = dataset(levels, StudyInstanceUID="1.2.826.0.1.9", SeriesInstanceUID="1.2.826.0.1.9.1", **named)
    (tmp_path / "image.dcm").write_bytes(written(made))
    return tmp_path


def generate(folder, *arguments):
    given = (folder / "image.dcm", "--model", folder / "bundle", *arguments)
    return CliRunner().invoke(main, ["generate", *map(str, given)])


def test_the_patient_is_in_a_document_on_demand_only(folder):
    log = folder / "drift.sqlite"
    done = generate(folder, "--output", folder / "a.dcm", "--format", "dicom-sr", "--drift-log", log)
    assert done.exit_code == 0, done.output
    made = pydicom.dcmread(folder / "a.dcm")
    assert made.StudyInstanceUID == "1.2.826.0.1.9"
    assert (made.PatientName, made.PatientID) == ("", "")
    assert len(DriftLog(log).reports()) == 1

    asked = generate(folder, "--output", folder / "b.dcm", "--format", "dicom-sr", "--copy-patient")
    assert asked.exit_code == 0, asked.output
    made = pydicom.dcmread(folder / "b.dcm")
    assert (str(made.PatientName), made.PatientID) == ("Doe^Jane", "MRN-1")
    assert b"Secret" not in (folder / "b.dcm").read_bytes()


def test_a_table_takes_no_patient(folder):
    for arguments in (["--copy-patient"], ["--copy-patient", "--output", folder / "r.csv"]):
        told = generate(folder, *arguments)
        assert told.exit_code == 1
        assert "--copy-patient is for DICOM SR and FHIR" in told.output
