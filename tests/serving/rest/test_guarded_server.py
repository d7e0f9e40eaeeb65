"""The command `serve` with a token, few places and a challenger: a real server."""

from __future__ import annotations

import base64
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.models.manifest import manifest_digest
from coherent_cxr.serving.monitoring.drift_log import DriftLog, model_number
from helpers.forks import Forks
from helpers.rest_requests import JSON, SMALL, asked, ramp
from helpers.serving_process import PATIENCE, Serving
from helpers.tiny_bundle import make_bundle

pytestmark = pytest.mark.slow  # because of their set-up


@pytest.fixture(scope="module")
def guarded(forks: Forks, tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Serving]:
    """With a token, one place, a challenger, a second model on the page, and a log of numbers."""
    folder = tmp_path_factory.mktemp("guarded")
    make_bundle(seed=1).save(folder / "other")
    options = ("--queue", "1", "--challenger", "other", "--compare", "other", "--drift-log", "drift.sqlite")
    started = Serving(forks, folder, model, *options, COHERENT_CXR_TOKEN="a-token-of-22-letters!")
    yield started
    assert started.stop().code == 0, started.told
    assert "Traceback" not in started.told


def test_the_challenger_reads_along_and_only_counts_are_kept(guarded: Serving, model: Path) -> None:
    token = {"Authorization": "Bearer a-token-of-22-letters!"}
    for _ in range(2):
        assert guarded.ask("POST", "/v1/reports", SMALL, **JSON, **token)[0] == 200
    end = time.monotonic() + 4 * PATIENCE  # its process has a low priority, and starts with PyTorch
    while 'shadow_studies_total{outcome="compared"} 2.0' not in guarded.ask("GET", "/metrics", **token)[1]:
        assert time.monotonic() < end, guarded.told
        time.sleep(1)
    log = DriftLog(guarded.log.with_name("drift.sqlite"))
    assert len(log.reports()) == 1  # the same image twice
    agreements = log.shadow()
    assert sorted(agreements["finding"]) == sorted(OBSERVATIONS)
    kinds = ["both", "champion_only", "challenger_only", "neither"]
    assert set(agreements[kinds].sum(axis=1)) == {2}
    digests = [manifest_digest(folder) for folder in (model, guarded.log.with_name("other"))]
    assert (agreements[["champion", "challenger"]] == [model_number(digest) for digest in digests]).all(
        axis=None
    )
    status, page = guarded.ask("GET", "/", **token)
    assert status == 200
    (script, *_) = re.findall(r"/_nicegui/[^\"' ]+\.js", page)
    assert guarded.ask("GET", script, **token)[0] == 200
    assert guarded.ask("GET", "/_nicegui/nothing.js", **token)[0] == 404
    guarded.await_line("GET files of the page 404, ")
    guarded.await_line("GET / 200, ")
    assert "files of the page 200" not in guarded.told


def test_more_requests_than_places_are_told_to_come_again(guarded: Serving) -> None:
    serving, token = guarded, {"Authorization": "Bearer a-token-of-22-letters!"}
    statuses: list[int] = []
    large = asked(ramp(4000))

    def ask() -> None:
        status, told = serving.ask("POST", "/v1/reports", large, **JSON, **token)
        statuses.append(status)
        if status == 429:
            assert told["error"] == "All 1 places for requests are taken. Send the request again in a moment."

    clients = [threading.Thread(target=ask) for _ in range(8)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert set(statuses) == {200, 429}

    basic = base64.b64encode(b"anybody:a-token-of-22-letters!").decode()
    for given, expected in (
        ("Bearer wrong", 401),
        ("Bearer a-token-of-22-letters", 401),
        ("bearer a-token-of-22-letters!", 200),
        (f"Basic {basic}", 200),
        ("Basic %%%", 401),
        ("Basic Og==", 401),
        ("a-token-of-22-letters!", 401),
        ("", 401),
    ):
        status, told = serving.ask("GET", "/version", Authorization=given)
        assert status == expected, given
        assert status == 200 or told["reason"] == "wrong_token"
    assert serving.ask("GET", "/health")[0] == 200
    assert serving.ask("POST", "/v1/reports", b"x" * 100)[0] == 401
    assert "a-token" not in serving.told
