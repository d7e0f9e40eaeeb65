"""The command `serve`: a real server and clients that mean no good."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from click.testing import CliRunner
from PIL import Image

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.cli import main
from coherent_cxr.models.manifest import manifest_digest
from coherent_cxr.serving.monitoring.drift_log import DriftLog, model_number
from helpers.forks import Forks
from helpers.serving_process import PATIENCE, Serving
from helpers.tiny_bundle import make_bundle

JSON = {"Content_Type": "application/json"}
SECRET = "Doe^Jane"
DECODER = "coherent_cxr.serving.rest.engine.decoder_process"


def picture(side: int) -> bytes:
    stream = io.BytesIO()
    levels = np.random.default_rng(side).integers(0, 255, (side, side), dtype=np.uint8)
    Image.fromarray(levels).save(stream, format="PNG")
    return stream.getvalue()


def ramp(side: int) -> bytes:
    """Return a small file that takes its time to decode."""
    stream = io.BytesIO()
    levels = np.tile(np.linspace(0, 255, side).astype(np.uint8), (side, 1))
    Image.fromarray(levels).save(stream, format="PNG", compress_level=1)
    return stream.getvalue()


def asked(*images: bytes) -> bytes:
    return json.dumps({"images": [base64.b64encode(image).decode() for image in images]}).encode()


SMALL = asked(picture(90))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "bundle"
    make_bundle().save(folder)
    return folder


@pytest.fixture(scope="module")
def serving(forks: Forks, tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Serving]:
    options = ("--read-seconds", "2", "--max-request-bytes", "30000000", "--queue", "16")
    started = Serving(forks, tmp_path_factory.mktemp("serving"), model, *options)
    yield started
    ended = started.stop(signal.SIGINT)
    assert ended.code == 0, started.told
    assert started.told.rstrip().endswith("The service has ended.")
    assert "Traceback" not in started.told


def is_alive(serving: Serving) -> None:
    status, told = serving.ask("POST", "/v1/reports", SMALL, **JSON)
    assert status == 200, told


def test_what_it_says_and_logs_holds_nothing_of_a_request(serving: Serving, model: Path) -> None:
    assert "Ready: POST http://127.0.0.1:" in serving.told
    assert "not for clinical use" in serving.told
    is_alive(serving)
    assert serving.ask("GET", f"/nothing/{SECRET}?patient={SECRET}")[0] == 404
    assert serving.ask("GET", f"/version?patient={SECRET}", Cookie=SECRET)[0] == 200
    for line in ("POST /v1/reports 200, ", "GET other 404, ", "GET /version 200, "):
        serving.await_line(line)
    assert SECRET not in serving.told


def test_numbers_and_version(serving: Serving) -> None:
    is_alive(serving)
    assert serving.ask("GET", "/health") == (200, {"status": "alive"})
    assert serving.ask("GET", "/ready") == (200, {"status": "ready"})
    status, numbers = serving.ask("GET", "/metrics")
    assert status == 200
    assert 'coherent_cxr_requests_total{route="/v1/reports",status="200"}' in numbers
    assert "coherent_cxr_active_requests 0.0" in numbers
    assert "coherent_cxr_held_bytes 0.0" in numbers


def test_a_name_that_leads_here_from_elsewhere_is_refused(serving: Serving) -> None:
    status, told = serving.ask("GET", "/version", Host="evil.example")
    assert status == 421
    assert told["error"].startswith("This service is asked for as")
    assert serving.ask("GET", "/version", Host=f"localhost:{serving.port}")[0] == 200
    assert serving.ask("GET", "/version", Host=f"[::1]:{serving.port}")[0] == 200


def conversation(serving: Serving, *pieces: bytes, pause: float = 0.0, ended: bool = False) -> bytes:
    """Send pieces of a request and return what comes back until the server closes."""
    with socket.create_connection((serving.host, serving.port), timeout=20) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause)
        if ended:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(1 << 16):
            answer += part
        return answer


HEAD = b"POST /v1/reports HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
RAW = {
    "no HTTP": ((b"GARBAGE\r\n\r\n",), b" 400 "),
    "huge headers": ((HEAD + b"X: " + b"y" * 200_000,), b" 400 "),
    "many headers": ((HEAD + b"X: y\r\n" * 20_000,), b" 400 "),
    "two lengths": ((HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",), b" 400 "),
    "a negative length": ((HEAD + b"Content-Length: -5\r\n\r\nhello",), b" 400 "),
    "a length and chunks": (
        (HEAD + b"Connection: close\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",),
        b" 400 ",
    ),
    "broken chunks": ((HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",), b" 400 "),
    "announced too large": ((HEAD + b"Content-Length: 99999999999\r\n\r\n",), b" 413 "),
    "a slow body": ((HEAD + b"Content-Length: 500\r\n\r\n", b"{", b" ", b" "), b" 408 "),
}


@pytest.mark.parametrize("name", RAW)
def test_clients_that_do_not_speak_http_well_are_refused_in_a_sentence(serving: Serving, name: str) -> None:
    pieces, status = RAW[name]
    answer = conversation(serving, *pieces, pause=0.1)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert status in head.splitlines()[0], answer
    told = json.loads(body)
    assert told["error"].endswith(".")
    assert set(told) == {"error", "reason", "notice"}
    is_alive(serving)


def test_a_body_without_end_is_cut_at_the_limit(serving: Serving) -> None:
    chunk = b"%x\r\n" % (1 << 20) + bytes(1 << 20) + b"\r\n"
    sent = 0
    with socket.create_connection((serving.host, serving.port), timeout=20) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            while sent < 500:
                connection.sendall(chunk)
                sent += 1
        except OSError:
            pass
        assert sent < 100
        try:
            answer = connection.recv(1 << 16)
        except ConnectionError:
            answer = b""  # it closed while more was on the way
    assert not answer or b" 413 " in answer
    is_alive(serving)


def test_slow_senders_keep_nobody_out(serving: Serving) -> None:
    slow = [socket.create_connection((serving.host, serving.port)) for _ in range(40)]
    for connection in slow:
        connection.sendall(HEAD + b"Content-Length: 500\r\n\r\n{")
    is_alive(serving)
    for connection in slow:
        connection.close()


def decoders_of(serving: Serving) -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process(serving.process.pid).children()
        if child.status() != psutil.STATUS_ZOMBIE and DECODER in child.cmdline()
    ]


def test_a_killed_decoder_loses_no_request(serving: Serving) -> None:
    is_alive(serving)
    large = asked(ramp(5000))
    answers: list[tuple[int, object]] = []

    def ask() -> None:
        answers.append(serving.ask("POST", "/v1/reports", large, **JSON))

    clients = [threading.Thread(target=ask) for _ in range(6)]
    for client in clients:
        client.start()
    killed = set()
    for _ in range(2):
        time.sleep(0.3)
        process = next(child for child in decoders_of(serving) if child.pid not in killed)
        os.kill(process.pid, signal.SIGKILL)
        killed.add(process.pid)
    for client in clients:
        client.join()
    assert [status for status, _ in answers] == [200] * 6, answers
    assert len({told["report"] for _, told in answers}) == 1
    is_alive(serving)
    assert len(decoders_of(serving)) == 2


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


@pytest.mark.parametrize(
    ("options", "variables", "words"),
    [
        (("--host", "192.0.2.1"), {}, "of '192.0.2.1' cannot be taken"),
        (("--batch", "0"), {}, "it must be a positive whole number"),
        (("--decode-seconds", "nan"), {}, "it must be a positive number"),
        ((), {"COHERENT_CXR_TOKEN": "short"}, "COHERENT_CXR_TOKEN holds no token"),
        ((), {"COHERENT_CXR_TOKEN": "with a line\nend in its middle"}, "COHERENT_CXR_TOKEN holds no token"),
        (("--operating-point", "balanced", "--port", "0"), {}, "brings no decisions to follow"),
        (("--model", "nowhere", "--port", "0"), {}, "The option --model names another"),
    ],
)
def test_a_wrong_setting_stops_it_in_a_sentence(
    options: tuple[str, ...],
    variables: dict[str, str],
    words: str,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    answer = CliRunner().invoke(main, ["serve", "--model", str(model), *options])
    assert answer.exit_code == 1, answer.output
    assert words in answer.output
    assert "Traceback" not in answer.output


def test_a_port_that_is_taken_is_said_before_the_model_is_loaded(model: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = CliRunner().invoke(main, ["serve", "--model", "nowhere", "--port", str(port)])
    assert answer.exit_code == 1
    assert f"Port {port} of '127.0.0.1' cannot be taken: Address already in use." in answer.output
