"""The study before, sent to the service beside a study."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from coherent_cxr.serving.study.writer import StudyWriter
from helpers.rest_service import MODEL, make_app
from helpers.tiny_bundle import make_bundle


def picture_of(seed: int) -> bytes:
    stream = io.BytesIO()
    levels = np.random.default_rng(seed).integers(0, 255, (16, 12), dtype=np.uint8)
    Image.fromarray(levels).resize((96, 128)).save(stream, format="PNG")
    return stream.getvalue()


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(make_app(), raise_server_exceptions=False) as asking:
        yield asking


def test_a_study_before_goes_with_files_or_json_and_is_compared() -> None:
    settings = {"study_input": "with_prior", "sentence_feedback": True, "prior_report": True}
    report = "Effusion. " * 200  # longer than an ordinary field
    fields = {"days_since_prior": "30.5", "prior_report": report}
    files = [("files", ("a.png", picture_of(1))), ("prior_files", ("b.png", picture_of(2)))]
    body = {
        "images": [encoded(picture_of(1))],
        "prior_images": [encoded(picture_of(2))],
        "days_since_prior": 30.5,
        "prior_report": report,
    }
    with TestClient(make_app(writer=StudyWriter(make_bundle(**settings), MODEL))) as client:
        posted = client.post("/v1/reports", files=files, data=fields)
        assert posted.status_code == 200, posted.text
        told, alone = posted.json(), client.post("/v1/reports", files=files[:1]).json()
        as_json = client.post("/v1/reports", json=body).json()
        assert {**as_json, "created": ""} == {**told, "created": ""}
        assert not [note for note in told["notes"] if "prior" in note["code"]]
        assert [image["name"] for image in told["images"]] == ["The image at position 1"]
        assert alone["report"]
        unread = client.post("/v1/reports", json={**body, "prior_images": [encoded(b"no image")]}).json()
        assert "prior_unread" in [note["code"] for note in unread["notes"]]
        assert unread["report"] == alone["report"]


PRIOR = {"images": [encoded(picture_of(0))], "prior_images": [encoded(picture_of(0))], "days_since_prior": 3}


def test_a_model_without_priors_says_that_it_ignored_one(client: TestClient) -> None:
    told = client.post("/v1/reports", json=PRIOR).json()
    assert "prior_ignored" in [note["code"] for note in told["notes"]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"days_since_prior": "soon"}, "days_since_prior is 'soon'"),
        ({"days_since_prior": None}, "must be a number of days"),
        ({"prior_images": []}, "without an image of the study before"),
        ({"prior_images": "x"}, "'prior_images' is no list"),
        ({"prior_report": 7}, "'prior_report' must be a text"),
        ({"prior_images": [{"view": "frontal"}]}, "The prior image at position 1 is no object"),
    ],
)
def test_a_study_before_that_is_not_whole_is_refused(
    client: TestClient, change: dict[str, Any], said: str
) -> None:
    refused = client.post("/v1/reports", json={**PRIOR, **change})
    assert refused.status_code == 422
    assert said in refused.json()["error"]
