"""A study from a real archive (Orthanc), its report back into it."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from dicomweb_client import DICOMwebClient
from fastapi.testclient import TestClient
from pydicom.uid import JPEG2000Lossless, generate_uid

from coherent_cxr.serving.outputs.text_sr import text_of
from coherent_cxr.serving.rest.app import create_app
from coherent_cxr.serving.rest.dicomweb.archive import Archive, ArchiveAddressError
from coherent_cxr.serving.rest.dicomweb.routes import dicomweb_router
from coherent_cxr.serving.rest.settings import ServiceSettings
from helpers.dicom_files import RAMP_12_BIT, dataset, written
from helpers.rest_service import make_writer

ORTHANC = Path("/usr/sbin/Orthanc")
PLUGINS = [
    path
    for folder in ("/usr/share/orthanc/plugins", "/usr/lib/orthanc")
    for path in Path(folder).glob("libOrthancDicomWeb.so*")
]
PATIENT = {"PatientName": "Doe^Jane", "PatientID": "P-1", "PatientBirthDate": "19700101"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not ORTHANC.exists() or not PLUGINS:
        pytest.skip("Orthanc with its DICOMweb plugin (Debian: orthanc, orthanc-dicomweb) is not installed")
    folder, port = tmp_path_factory.mktemp("orthanc"), free_port()
    settings = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": port,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "Plugins": [str(PLUGINS[0])],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([ORTHANC, folder / "orthanc.json"], stdout=log, stderr=log, cwd=folder)
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{url}/system", timeout=5).close()
                break
            except OSError:
                assert time.monotonic() < end, (folder / "log").read_text()[-2000:]
                assert server.poll() is None, (folder / "log").read_text()[-2000:]
                time.sleep(0.1)
        yield f"{url}/dicom-web"
    finally:
        server.terminate()
        server.wait()


def stored(url: str, images: int, **tags: object) -> str:
    """Store a study in the archive; return its UID."""
    study, series = generate_uid(), generate_uid()
    for number in range(images):
        made = dataset(RAMP_12_BIT, StudyInstanceUID=study, SeriesInstanceUID=series, Modality="DX")
        made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        for name, value in {**PATIENT, **tags}.items():
            setattr(made, name, value)
        data = written(made, JPEG2000Lossless if number else None)
        DICOMwebClient(url).store_instances([pydicom.dcmread(io.BytesIO(data))])
    return study


@pytest.fixture(scope="module")
def asking(orthanc: str) -> Iterator[TestClient]:
    limits = ServiceSettings(max_images=2, max_request_bytes=100_000)
    app = create_app(make_writer(), limits)
    app.include_router(dicomweb_router(Archive(orthanc, limits), identify=True))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_a_study_comes_from_the_archive_and_its_report_goes_back(asking: TestClient, orthanc: str) -> None:
    study = stored(orthanc, 2)
    answer = asking.post(f"/v1/dicomweb/studies/{study}")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["report"]["study_id"] == study
    assert len(told["report"]["images"]) == 2
    assert "Doe" not in answer.text
    found = DICOMwebClient(orthanc).retrieve_instance(
        study, told["stored"]["SeriesInstanceUID"], told["stored"]["SOPInstanceUID"]
    )
    assert text_of(found) == told["report"]["report"]
    assert (found.Modality, found.PatientID, found.StudyInstanceUID) == ("SR", "P-1", study)
    sources = {image["dicom"]["instance_uid"] for image in told["report"]["images"]}
    (evidence,) = found.CurrentRequestedProcedureEvidenceSequence
    referred = {
        item.ReferencedSOPInstanceUID
        for series in evidence.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    assert referred == sources
    again = asking.post(f"/v1/dicomweb/studies/{study}?store=false").json()
    assert again["stored"] is None
    assert len(again["report"]["images"]) == 2, "the report that was stored is no image"


def test_unless_it_is_asked_for_the_stored_report_names_nobody(orthanc: str) -> None:
    limits = ServiceSettings()
    app = create_app(make_writer(), limits)
    app.include_router(dicomweb_router(Archive(orthanc, limits), identify=False))
    study = stored(orthanc, 1)
    with TestClient(app) as client:
        told = client.post(f"/v1/dicomweb/studies/{study}").json()["stored"]
    found = DICOMwebClient(orthanc).retrieve_instance(
        study, told["SeriesInstanceUID"], told["SOPInstanceUID"]
    )
    assert found.get("PatientID", "") == ""
    assert "Doe" not in str(found)


def test_what_the_archive_lacks_or_the_service_does_not_read_is_said(
    asking: TestClient, orthanc: str
) -> None:
    for uid, status, reason in (
        (generate_uid(), 404, "no_study"),
        ("Doe^Jane", 422, "wrong_study_uid"),
        ("1." + "2" * 70, 422, "wrong_study_uid"),
        (stored(orthanc, 3), 413, "too_many_images"),
        (stored(orthanc, 1, ImageComments="x" * 10_000, Rows=8), 422, None),
    ):
        answer = asking.post(f"/v1/dicomweb/studies/{uid}")
        assert answer.status_code == status, (uid, answer.text)
        assert reason is None or answer.json()["reason"] == reason
        assert answer.json()["error"].endswith(".")
        assert "Doe" not in answer.text


def test_an_archive_that_does_not_answer() -> None:
    limits = ServiceSettings()
    app = create_app(make_writer(), limits)
    app.include_router(dicomweb_router(Archive(f"http://127.0.0.1:{free_port()}/x", limits), identify=False))
    with TestClient(app) as client:
        answer = client.post(f"/v1/dicomweb/studies/{generate_uid()}")
    assert (answer.status_code, answer.json()["error"]) == (502, "The archive does not answer.")


@pytest.mark.parametrize("url", ["", "localhost:8042", "ftp://localhost", "http://", "http://a/b?c=d"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ArchiveAddressError, match="must be like http"):
        Archive(url, ServiceSettings())
