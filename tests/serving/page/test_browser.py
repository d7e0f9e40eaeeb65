"""The page in a browser, from the dropped file to the file that is taken away."""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pydicom
import pytest
import uvicorn
from fastapi import FastAPI

from coherent_cxr.serving.page.model import LocalModel
from coherent_cxr.serving.page.mounting import mount_page
from coherent_cxr.serving.page.uploads import UploadLimits, Visits
from coherent_cxr.serving.report import NOTICE
from coherent_cxr.serving.rest.requests.access import TokenGuard
from coherent_cxr.serving.study.writer import StudyWriter
from coherent_cxr.serving.study_report import ModelIdentity
from helpers.decided_bundle import decided_bundle
from helpers.dicom_files import dataset, written

pytestmark = pytest.mark.slow
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENT = "Doe^Jane"
TOKEN = "a-token-that-nobody-guesses"
WHO = {"username": "anybody", "password": TOKEN}
READY = "document.querySelector('.status').innerText.startsWith('Report ready')"


class Served:
    """A page that is served from this process."""

    def __init__(self, address: str, visits: Visits) -> None:
        self.address, self.visits = address, visits


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    bundle = decided_bundle({"balanced": ["Edema"], "sensitive": ["Edema", "Fracture"], "specific": []})
    app = FastAPI()
    app.get("/health")(lambda: {"status": "alive"})
    models = [
        LocalModel(StudyWriter(bundle, ModelIdentity(name, None, "0" * 64)))
        for name in ("/home/somebody/first", "second")
    ]
    app.add_middleware(TokenGuard, token=TOKEN)
    visits = mount_page(app, models, UploadLimits(max_file_bytes=100_000, max_images=3), 2.0)
    app.post("/v1/reports")(lambda: {"report": ""})  # added later, and not hidden by the page
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        yield Served(f"http://127.0.0.1:{taken.getsockname()[1]}", visits)
        server.should_exit = True
        thread.join(20)


def dicom(**tags: object) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 4095, (80, 64)).astype(np.uint16)
    tags = {"PatientOrientation": ["L", "F"], "PatientName": PATIENT, "ViewPosition": "PA"} | tags
    return written(dataset(pixels, **tags))


def file(name: str, data: bytes) -> dict:
    return {"name": name, "mimeType": "application/dicom", "buffer": data}


def test_other_addresses_stay_those_of_the_application(served: Served) -> None:
    import httpx

    with httpx.Client(base_url=served.address, auth=tuple(WHO.values())) as client:
        assert client.get("/health").json() == {"status": "alive"}
        assert client.get("/v1/nothing").json() == {"detail": "Not Found"}
        assert client.get("/v1/reports").status_code == 405
        assert httpx.get(served.address).status_code == 401
        page = client.get("/")
        assert "default-src 'self'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"
        refused = client.post("/page/images", headers={"x-visit": "x", "x-position": "0"}, content=b"a")
        assert (refused.status_code, "no longer open" in refused.json()["error"]) == (404, True)
        assert client.post("/page/images", headers={"x-position": "-1"}, content=b"a").status_code == 400


@pytest.fixture(scope="module")
def browser() -> Iterator:
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra dev)")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def said() -> list[str]:
    """What the browser complained of, and whom else it asked."""
    return []


@pytest.fixture
def page(browser, served: Served, said: list[str]) -> Iterator:
    context = browser.new_context(viewport={"width": 420, "height": 860}, http_credentials=WHO)
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    opened.on("console", lambda message: said.append(message.text) if message.type != "info" else None)
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on(
        "request",
        lambda request: (
            None if request.url.startswith((served.address, "data:")) else said.append(request.url)
        ),
    )
    opened.goto(served.address)
    opened.wait_for_selector(".drop")
    yield opened
    context.close()


def test_from_a_dropped_study_to_the_exported_report(page, served: Served, said: list[str]) -> None:
    page.set_input_files(".drop input", [file("one.dcm", dicom())])
    page.wait_for_function(READY)
    assert NOTICE in page.inner_text(".notice")
    assert page.inner_text(".side:not(.at-right)") == "R"
    assert "Edema" in page.inner_text(".findings tr.called")

    page.focus(".sentences .number")
    page.keyboard.press("Enter")
    page.wait_for_selector("img.map")
    assert "Sentence 1" in page.inner_text("figcaption")
    page.keyboard.press("ArrowRight")  # the next button of the report
    assert page.evaluate("document.activeElement.dataset.word") is not None
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('figcaption').innerText.startsWith('“')")

    page.focus("input[aria-valuetext]")
    page.keyboard.press("End")
    page.wait_for_function("document.querySelectorAll('.findings tr.called').length === 2")
    assert "sensitive" in page.get_attribute("input[aria-valuetext]", "aria-valuetext")

    with page.expect_download() as download:
        page.click(".exports button:text-is('JSON')")
    report = json.loads(download.value.path().read_bytes())
    assert (report["operating_point"], report["notice"]) == ("sensitive", NOTICE)
    words = page.locator("button.word").all_inner_texts()
    assert " ".join(words) == report["report"].replace(".", "").replace(",", "")
    with page.expect_download() as download:
        page.click(".exports button:text-is('DICOM SR')")
    document = download.value.path().read_bytes()
    assert pydicom.dcmread(download.value.path()).Modality == "SR"
    assert PATIENT.encode() not in document

    page.select_option(".compare select", "1")
    page.wait_for_function("document.querySelector('.status').innerText.includes('same labels')")
    panels = [panel.get_attribute("aria-label") for panel in page.locator("section.panel").all()]
    assert panels == ["first", "second"]
    for slider in page.locator("input[aria-valuetext]").all():
        assert "sensitive" in slider.get_attribute("aria-valuetext")
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) == 0  # on a phone nothing is cut off

    other = page.context.browser.new_context(http_credentials=WHO).new_page()  # somebody else
    other.goto(served.address)
    other.wait_for_selector(".drop")
    assert other.locator(".viewer, .sentences").count() == 0
    other.context.close()
    assert said == []


def test_what_cannot_be_read_is_said_in_a_sentence(page, said: list[str]) -> None:
    page.set_input_files(".drop input", [file("broken.dcm", dicom()[:400])])
    page.wait_for_selector(".alarm:visible")
    assert "broken.dcm" in page.inner_text(".alarm:visible")
    page.set_input_files(".drop input", [file(f"{n}.png", b"x") for n in range(4)])
    page.wait_for_function(
        "[...document.querySelectorAll('.alarm')].some((one) => one.innerText.includes('3 images'))"
    )
    page.set_input_files(".drop input", [file("large.png", b"x" * 200_000)])
    page.wait_for_function(
        "[...document.querySelectorAll('.alarm')].some((one) => one.innerText.includes('0.1 MB'))"
    )
    page.set_input_files(".drop input", [file("one.dcm", dicom()), file("text.png", b"no image")])
    page.wait_for_function(READY)
    assert "text.png was left out" in page.text_content(".report")
    assert [line for line in said if "413" not in line] == []  # the browser itself tells of a refused upload


def test_when_the_page_is_closed_nothing_is_kept(browser, served: Served) -> None:
    context = browser.new_context(http_credentials=WHO)
    opened = context.new_page()
    opened.goto(served.address)
    opened.wait_for_selector(".drop")
    opened.set_input_files(".drop input", [file("one.dcm", dicom())])
    opened.wait_for_function(READY, timeout=60_000)
    assert served.visits.held > 0
    context.close()
    end = time.monotonic() + 30
    while served.visits.held and time.monotonic() < end:
        time.sleep(0.1)
    assert served.visits.held == 0
