"""The service, asked without a network: what it answers, and what it refuses in which words."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from pydicom.uid import JPEG2000Lossless

from coherent_cxr.serving.monitoring.drift_log import DriftLog
from coherent_cxr.serving.outputs import fhir, text_sr
from coherent_cxr.serving.rest.engine.service import Service
from coherent_cxr.serving.rest.requests.uploads import StudyUpload, Upload
from coherent_cxr.serving.rest.settings import ServiceSettings
from coherent_cxr.serving.study_report import StudyReport
from helpers.bombs import huge_png
from helpers.dicom_files import RAMP_12_BIT, dataset, written
from helpers.rest_service import MODEL, make_app, make_writer
from helpers.tiny_bundle import WORDS

LEVELS = np.random.default_rng(0).integers(0, 255, (90, 70), dtype=np.uint8)
UIDS = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.4"}


def picture(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(LEVELS).save(stream, format=kind)
    return stream.getvalue()


def picture_of(seed: int) -> bytes:
    stream = io.BytesIO()
    levels = np.random.default_rng(seed).integers(0, 255, (16, 12), dtype=np.uint8)
    Image.fromarray(levels).resize((96, 128)).save(stream, format="PNG")
    return stream.getvalue()


PNG, JPEG = picture("PNG"), picture("JPEG")
DICOM = written(dataset(RAMP_12_BIT, PatientName="Doe^Jane", **UIDS))
FILES = {
    "PNG": PNG,
    "JPEG": JPEG,
    "DICOM": DICOM,
    "JPEG 2000": written(dataset(RAMP_12_BIT), JPEG2000Lossless),
}


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    limits = {"max_images": 3, "max_file_bytes": 50_000, "max_request_bytes": 200_000}
    with TestClient(make_app(**limits), raise_server_exceptions=False) as asking:
        yield asking


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize("kind", FILES)
def test_multipart_and_json_give_the_same_report(client: TestClient, kind: str) -> None:
    posted = client.post("/v1/reports", files=[("files", ("Doe^Jane.x", FILES[kind]))])
    assert posted.status_code == 200, posted.text
    told = posted.json()
    as_json = client.post("/v1/reports", json={"images": [{"image": encoded(FILES[kind])}]}).json()
    assert {**as_json, "created": ""} == {**told, "created": ""}
    assert told["report"]
    assert told["model"] == MODEL._asdict()
    assert "not for clinical use" in told["notice"]
    assert [image["left_out"] for image in told["images"]] == [None]
    assert "Doe" not in posted.text


def test_of_several_views_the_frontal_one_is_read_and_the_others_are_named(client: TestClient) -> None:
    files = [("files", ("a.png", JPEG)), ("files", ("b.dcm", DICOM))]
    told = client.post("/v1/reports", files=files, data={"views": ["lateral", "frontal"]}).json()
    alone = client.post("/v1/reports", files=[("files", ("b.dcm", DICOM))]).json()
    assert told["report"] == alone["report"]
    assert told["study_id"] == alone["study_id"] == "1.2.3"
    assert [image["view"] for image in told["images"]] == ["lateral", "frontal"]
    assert told["images"][0]["left_out"].endswith(".")
    assert told["images"][1]["dicom"]["series_uid"] == "1.2.3.4"
    told = client.post(
        "/v1/reports", files=files, data={"views": "lateral,frontal", "study_id": "S 1"}
    ).json()
    assert (told["study_id"], told["report"]) == ("S 1", alone["report"])


def test_an_image_that_cannot_be_read_is_left_out_of_its_study(client: TestClient) -> None:
    told = client.post("/v1/reports", files=[("files", ("a", PNG[:99])), ("files", ("b", PNG))]).json()
    assert told["report"]
    assert told["images"][0]["left_out"].startswith("The image at position 1 cannot be decoded")


FORMS = {
    "": ("application/json", "json"),
    "*/*": ("application/json", "json"),
    "application/*": ("application/json", "json"),
    "application/fhir+json": ("application/fhir+json", "fhir"),
    "application/dicom": ("application/dicom", "dicom"),
    "text/plain": ("text/plain", "text"),
    "text/html, application/dicom;q=0.5, application/fhir+json;q=0.9": ("application/fhir+json", "fhir"),
    "application/json;q=0, */*;q=0.1": ("application/fhir+json", "fhir"),
    "application/json;q=nonsense, text/*": ("text/plain", "text"),
}


@pytest.mark.parametrize("accept", FORMS)
def test_the_form_of_the_answer_is_what_the_client_accepts(client: TestClient, accept: str) -> None:
    kind, form = FORMS[accept]
    posted = client.post("/v1/reports", files=[("files", ("a", DICOM))], headers={"Accept": accept})
    assert posted.status_code == 200, posted.text
    assert posted.headers["content-type"].partition(";")[0] == kind
    assert posted.headers["cache-control"] == "no-store"
    assert text_in(form, posted.content) == told_of(client, DICOM)["report"]
    assert b"Doe" not in posted.content


def text_in(form: str, body: bytes) -> str:
    if form == "json":
        return json.loads(body)["report"]
    if form == "fhir":
        return fhir.text_of(json.loads(body))
    if form == "dicom":
        document = pydicom.dcmread(io.BytesIO(body))
        (study,) = document.CurrentRequestedProcedureEvidenceSequence
        assert study.StudyInstanceUID == UIDS["StudyInstanceUID"]
        return text_sr.text_of(document)
    assert "not for clinical use" in body.decode()
    return next(line for line in body.decode().splitlines() if line.partition(" ")[0].lower() in WORDS)


def told_of(client: TestClient, image: bytes) -> dict[str, Any]:
    return client.post("/v1/reports", files=[("files", ("a", image))]).json()


def test_a_form_that_there_is_not(client: TestClient) -> None:
    files = [("files", ("a", PNG))]
    refused = client.post("/v1/reports", files=files, headers={"Accept": "application/pdf"})
    is_refused(refused, 406, "application/json, application/fhir+json, application/dicom, text/plain")
    is_refused(client.post("/v1/reports?format=pdf", files=files), 422, "no form 'pdf'; choose json, fhir")
    assert client.post("/v1/reports?format=fhir", files=files).json()["resourceType"] == "Bundle"
    assert client.post("/v1/reports?format=dicom-sr", files=files).content[128:132] == b"DICM"


def test_laterals_alone_are_refused_where_the_model_reads_frontal_ones(client: TestClient) -> None:
    posted = client.post("/v1/reports", files=[("files", ("a", PNG))], data={"views": "lateral"})
    is_refused(posted, 422, "lateral")
    assert posted.json()["reason"] == "lateral_only"


def test_the_manual_fetches_nothing_and_shows_every_address(client: TestClient) -> None:
    page = client.get("/docs").text
    assert re.findall(r"(?:src|href)=[\"'](?!openapi.json)", page) == []
    described = client.get("/openapi.json").json()
    for path in ("/v1/reports", "/health", "/ready", "/version", "/metrics"):
        assert path in described["paths"]
        assert path in page
    content = described["paths"]["/v1/reports"]["post"]["requestBody"]["content"]
    assert set(content) == {"multipart/form-data", "application/json"}
    example = described["paths"]["/v1/reports"]["post"]["responses"]["200"]["content"]["application/json"][
        "example"
    ]
    assert set(example) <= set(told_of(client, PNG))


def test_together_with_others_a_report_is_what_it_is_alone() -> None:
    service = Service(make_writer(), ServiceSettings())
    service.start()
    studies = [StudyUpload((Upload(f"image {seed}", picture_of(seed)),), f"S{seed}") for seed in range(6)]

    async def asked_together() -> list[StudyReport]:
        return await asyncio.gather(*map(service.report, studies * 2))

    try:
        alone = [asyncio.run(service.report(study)) for study in studies]
        together = asyncio.run(asked_together())
    finally:
        service.close()
    assert service.metrics.batches._sum.get() == 18
    assert sum(bucket.get() for bucket in service.metrics.batches._buckets) < 18, "some were written together"
    maps = [flat(report) for report in alone]
    assert not np.allclose(maps[0], maps[1], atol=1e-6)
    for report, expected, shown in zip(together, alone * 2, maps * 2, strict=True):
        assert report.study_id == expected.study_id
        assert report.report.text == expected.report.text
        np.testing.assert_allclose(flat(report), shown, atol=1e-6)


def test_numbers_of_every_report_and_refusal_are_kept_if_they_are_asked_for(tmp_path: Path) -> None:
    app = make_app()
    log = app.state.service.drift_log = DriftLog(tmp_path / "drift.sqlite")
    with TestClient(app) as asking:
        for image in (PNG, JPEG, PNG, DICOM, PNG[:99]):
            asking.post("/v1/reports", files=[("files", ("Doe^Jane", image))])
    assert len(log.reports()) == 3, "a study that came twice counts once"
    assert log.refusals()["studies"].tolist() == [1]
    assert b"Doe" not in (tmp_path / "drift.sqlite").read_bytes()


def flat(report: StudyReport) -> np.ndarray:
    return np.concatenate([word.regions.ravel() for sentence in report.report.attention for word in sentence])


def rows(*images: object) -> dict[str, object]:
    return {"images": list(images)}


REFUSED_JSON: dict[str, tuple[object, int, str]] = {
    "a list": ([encoded(PNG)], 422, "holds no list 'images'"),
    "no list": ({"images": encoded(PNG)}, 422, "holds no list 'images'"),
    "no images": (rows(), 422, "holds no image"),
    "too many": (rows(*[encoded(PNG)] * 4), 413, "3 images at most"),
    "a number": (rows(5), 422, "no object with a field 'image'"),
    "no text": (rows({"image": 5}), 422, "no text in base64 but a number"),
    "no base64": (rows({"image": "%%%"}), 422, "not valid base64"),
    "an unknown view": (rows({"image": encoded(PNG), "view": "oblique"}), 422, "the view 'oblique'"),
    "a view of another type": (rows({"image": encoded(PNG), "view": 5}), 422, "the view no text"),
    "a study id of another type": ({**rows(encoded(PNG)), "study_id": 5}, 422, "'study_id' must be"),
    "a long study id": ({**rows(encoded(PNG)), "study_id": "x" * 65}, 422, "'study_id' must be"),
    "a study id with a line end": ({**rows(encoded(PNG)), "study_id": "a\nb"}, 422, "'study_id' must be"),
    "truncated": (rows(encoded(PNG[:99])), 422, "position 1 cannot be decoded"),
    "no image file": (rows(encoded(b"text" * 9)), 415, "neither a PNG, a JPEG nor a DICOM"),
    "a bomb": (rows(encoded(huge_png())), 413, "more than 80,000,000 pixels"),
    "a large file": (rows(encoded(bytes(60_000))), 413, "larger than 0.05 MB"),
}


@pytest.mark.parametrize("name", REFUSED_JSON)
def test_json_that_is_no_study_is_refused_in_a_sentence(client: TestClient, name: str) -> None:
    body, status, words = REFUSED_JSON[name]
    is_refused(client.post("/v1/reports", json=body), status, words)


def is_refused(posted, status: int, words: str) -> None:
    assert posted.status_code == status, posted.text
    told = posted.json()
    assert set(told) == {"error", "reason", "notice"}
    assert words in told["error"], told
    assert told["error"].endswith(".")
    assert len(told["error"]) < 400


AS_JSON = {"Content-Type": "application/json"}
PARTS = {"Content-Type": "multipart/form-data; boundary=b"}
PART = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
RAW: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "deep JSON": (b"[" * 50_000 + b"]" * 50_000, AS_JSON, 400, "no JSON"),
    "cut JSON": (json.dumps(rows(encoded(PNG))).encode()[:-9], AS_JSON, 400, "no JSON"),
    "JSON that is no UTF-8": (b'{"images": ["\xff"]}', AS_JSON, 400, "no JSON"),
    "a huge number": (b"9" * 10_000, AS_JSON, 400, "no JSON"),
    "null": (b"null", AS_JSON, 422, "holds no list 'images'"),
    "no content type": (PNG, {}, 415, "Send multipart/form-data"),
    "an image as it is": (PNG, {"Content-Type": "image/png"}, 415, "Send multipart/form-data"),
    "compressed": (PNG, {**AS_JSON, "Content-Encoding": "gzip"}, 415, "without compression"),
    "no boundary": (PART, {"Content-Type": "multipart/form-data"}, 400, "no multipart"),
    "another boundary": (
        PART + PNG,
        {"Content-Type": "multipart/form-data; boundary=c"},
        400,
        "no multipart",
    ),
    "a part without end": (PART + PNG, PARTS, 422, "holds no image"),
    "huge heads of parts": (
        PART[:-4] + b"\r\nX: " + b"y" * 100_000 + b"\r\n\r\n--b--",
        PARTS,
        400,
        "no multipart",
    ),
    "too many files": ((PART + PNG + b"\r\n") * 7 + b"--b--", PARTS, 400, "more than 6 files"),
    "a text for a file": (PART.replace(b'; filename="a"', b"") + b"a\r\n--b--\r\n", PARTS, 422, "is a text"),
    "a large text": (
        PART.replace(b'; filename="a"', b"") + b"a" * 99_999 + b"\r\n--b--\r\n",
        PARTS,
        400,
        "in a field",
    ),
    "another field": (PART.replace(b"files", b"file") + PNG + b"\r\n--b--\r\n", PARTS, 422, "unknown fields"),
    "an empty file": (PART + b"\r\n--b--\r\n", PARTS, 422, "empty file"),
    "too large": (bytes(300_000), AS_JSON, 413, "larger than 0.2 MB"),
}


@pytest.mark.parametrize("name", RAW)
def test_bodies_that_are_no_study_are_refused_in_a_sentence(client: TestClient, name: str) -> None:
    body, head, status, words = RAW[name]
    is_refused(client.post("/v1/reports", content=body, headers=head), status, words)
