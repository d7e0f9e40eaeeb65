"""The command `serve`: a real server and clients that mean no good."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from helpers.forks import Forks
from helpers.rest_requests import JSON, SMALL, asked, ramp
from helpers.serving_process import Serving

pytestmark = pytest.mark.slow  # because of their set-up

SECRET = "Doe^Jane"
DECODER = "coherent_cxr.serving.rest.engine.decoder_process"


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
