"""Hostile requests to the served model: no status 5xx, no trace of the server, memory stays flat."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from child import BY_THE_CLOCK, generator
from damage import HOSTILE, hurt
from tally import SECONDS, Tally

from coherent_cxr.serving.registration.fetching import fetch_bundle_folder
from helpers.bombs import BOMBS
from helpers.fuzzing import damaged, real_files
from helpers.tiny_registry import make_registry

JSON = "application/json"
TYPES = (JSON, JSON, JSON, JSON, "text/csv", "application/vnd.apache.parquet", "text/plain", "a/b", "\x00")
GOOD_EVERY, BOMB_EVERY, WARM = 25, 40, 60
MOST_GROWTH = 300
"""MB by which the server may grow after its first requests."""
NO_REQUEST = b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{}"
Request = tuple[bytes, dict[str, str]]


def attack_server(numbers: Iterable[int], goal: int, seed: int, seconds: float) -> Tally:
    """Send requests to a server of its own until all are sent or the time is over."""
    tally = Tally("served", goal, seed)
    files = real_files()
    with tempfile.TemporaryDirectory(prefix="attack-served-") as folder:
        model = fetch_bundle_folder("models:/coherent-cxr@champion", make_registry(Path(folder))).parents[1]
        command = [sys.executable, str(Path(__file__).with_name("serve.py")), str(model), str(BY_THE_CLOCK)]
        server = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=folder,
        )
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            asking = Asking(port, server.pid, tally, files["PNG"])
            asking.good(-1)
            for number in tally.rounds(numbers, seconds):
                if server.poll() is not None:
                    break
                tally.tries += 1
                asking.hostile(number, files, generator("served", seed, number))
            if server.poll() is not None:
                tally.add("crash", tally.tries, f"the server ended with {server.returncode}")
            else:
                asking.good(tally.tries)
        finally:
            server.kill()
            server.wait()
    return tally


class Asking:
    """Asks a server and counts its faults."""

    address = "/invocations"

    def __init__(self, port: int, process: int, tally: Tally, image: bytes) -> None:
        self.port, self.process, self.tally = port, process, tally
        self.image = json.dumps({"inputs": [{"image": base64.b64encode(image).decode()}]}).encode()
        self.expected = b""
        self.first = 0

    def good(self, number: int) -> None:
        """Ask for a report that is known."""
        status, body = self.ask((self.image, {"Content-Type": JSON}))
        self.expected = self.expected or body
        if status != 200 or body != self.expected:
            self.tally.add("wrong", number, f"a good request: {status} {body[:500]!r}")

    def hostile(self, number: int, files: dict[str, bytes], rng: np.random.Generator) -> None:
        """Send one hostile request, and now and then a good one."""
        begin = self._processor_time()
        try:
            if rng.random() < 0.05:
                line = NO_REQUEST.replace(b"/invocations", self.address.encode())
                raw(self.port, hurt(line, line, rng))
            else:
                status, body = self.ask(self.request(number, files, rng))
                leaks = b"Traceback" in body or b"stack_trace" in body or b".py" in body
                if status >= 500 or leaks or (b"error" in body and len(body) > 20_000):
                    self.tally.add("wrong", number, f"{status} {body[:1000]!r}")
        except TimeoutError:
            self.tally.add("hang", number, f"no answer within {BY_THE_CLOCK} s")
        except OSError as error:
            self.tally.add("crash", number, repr(error))
        if (spent := self._processor_time() - begin) > SECONDS:
            self.tally.add("hang", number, f"{spent:.0f} s of processor time")
        if number % GOOD_EVERY == 0:
            self.good(number)
        self._memory(number)

    def request(self, number: int, files: dict[str, bytes], rng: np.random.Generator) -> Request:
        """Return body and head of a hostile request."""
        return hostile(number, files, rng)

    def _processor_time(self) -> float:
        stat = Path(f"/proc/{self.process}/stat")
        if not stat.exists():
            return 0.0
        return sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13])) / os.sysconf("SC_CLK_TCK")

    def _memory(self, number: int) -> None:
        status = Path(f"/proc/{self.process}/status")
        if not status.exists():
            return
        now = int(status.read_text().partition("VmRSS:")[2].split()[0]) // 1024
        self.tally.megabytes = max(self.tally.megabytes, now)
        if self.tally.tries == WARM:
            self.first = now
        if self.first and now > self.first + MOST_GROWTH:
            self.tally.add("memory", number, f"the server grew from {self.first} to {now} MB")
            self.first = now

    def ask(self, request: Request) -> tuple[int, bytes]:
        """Return status and body of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=BY_THE_CLOCK)
        try:
            connection.request("POST", self.address, *request)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def hostile(number: int, files: dict[str, bytes], rng: np.random.Generator) -> Request:
    """Return body and head of a request."""
    names = list(files)
    if number % BOMB_EVERY == 0 and number // BOMB_EVERY < len(BOMBS):
        images = [BOMBS[list(BOMBS)[number // BOMB_EVERY]]()]
    else:
        chosen = rng.integers(0, len(names), int(rng.integers(1, 5)))
        images = [damaged(files[names[n]], files["JPEG"], rng) for n in chosen]
    rows = [{"image": base64.b64encode(data).decode()} for data in images]
    odd: list[object] = [
        None,
        5,
        "",
        [],
        {},
        [[]],
        {"image": None},
        {"image": 1e308},
        {"image": {"image": "a"}},
        {"a": "b"},
    ]
    if rng.random() < 0.3:
        rows.insert(0, odd[rng.integers(0, len(odd))])  # type: ignore[arg-type]
    shapes = [{"inputs": rows}] * 5 + [
        rows,
        {"instances": rows},
        {"dataframe_split": {"columns": ["image"], "data": rows}},
    ]
    shapes += [{"inputs": rows, "params": {"a": odd}}, {"dataframe_records": rows}, {"inputs": odd}]
    body = json.dumps(shapes[rng.integers(0, len(shapes))]).encode()
    if rng.random() < 0.4:
        body = hurt(body, HOSTILE[rng.integers(0, len(HOSTILE))], rng)
    kind = TYPES[rng.integers(0, len(TYPES))] if rng.random() < 0.3 else JSON
    return body, {} if kind == "\x00" else {"Content-Type": kind}


def raw(port: int, data: bytes) -> None:
    """Send bytes that are no HTTP; the server may close the connection or wait, and must go on."""
    with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.sendall(data)
        try:
            connection.recv(1 << 16)
        except (TimeoutError, ConnectionError):
            return
