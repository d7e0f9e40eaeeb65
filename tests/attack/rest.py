"""Hostile requests to the command `serve`: each is refused in a sentence, none costs the service anything."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from child import generator
from damage import HOSTILE, hurt
from served import Asking, Request, hostile
from tally import Tally

from helpers.bombs import BOMBS
from helpers.commands import OURS, REPOSITORY
from helpers.fuzzing import damaged, real_files
from helpers.tiny_bundle import make_bundle

BOUNDARY = b"b0undary"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY.decode()}"
JSON = "application/json"
TYPES = (
    MULTIPART,
    JSON,
    "multipart/form-data",
    "multipart/mixed; boundary=x",
    "text/plain",
    "application/dicom",
)
VIEWS: tuple[object, ...] = ("frontal", "lateral", "oblique", "", None, 5, ["frontal"])
HEADS = ({"Content-Encoding": "gzip"}, {"Accept": "*/*;q=x,,;"}, {"X-Long": "y" * 70_000}, {"Expect": "?"})
BOMB_EVERY = 40
PATIENCE = 120


def attack_rest(numbers: Iterable[int], goal: int, seed: int, seconds: float) -> Tally:
    """Send requests to a server of its own until all are sent or the time is over."""
    tally = Tally("rest", goal, seed)
    files = real_files()
    with tempfile.TemporaryDirectory(prefix="attack-rest-") as folder:
        make_bundle().save(Path(folder) / "bundle")
        options = ["--model", "bundle", "--port", "0", "--no-page", "--max-request-bytes", "300000000"]
        server = subprocess.Popen(
            [sys.executable, *OURS, "serve", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY / "src")},
        )
        try:
            assert server.stdout is not None
            said = re.search(r":(\d+)/v1/reports", server.stdout.readline())
            assert said is not None
            asking = _AskingRest(int(said[1]), server.pid, tally, files["PNG"])
            asking.good(-1)
            for number in tally.rounds(numbers, seconds):
                if server.poll() is not None:
                    break
                tally.tries += 1
                asking.hostile(number, files, generator("rest", seed, number))
            if server.poll() is not None:
                tally.add("crash", tally.tries, f"the server ended with {server.returncode}")
            else:
                asking.good(tally.tries)
        finally:
            server.kill()
            server.wait()
    return tally


class _AskingRest(Asking):
    address = "/v1/reports"

    def __init__(self, port: int, process: int, tally: Tally, image: bytes) -> None:
        super().__init__(port, process, tally, image)
        self.image = json.dumps({"images": [base64.b64encode(image).decode()]}).encode()

    def good(self, number: int) -> None:
        """Ask for a report that is known."""
        status, body = self.ask((self.image, {"Content-Type": JSON}))
        report = json.dumps(json.loads(body).get("report")).encode()
        self.expected = self.expected or report
        if status != 200 or report != self.expected:
            self.tally.add("wrong", number, f"a good request: {status} {body[:500]!r}")

    def ask(self, request: Request) -> tuple[int, bytes]:
        """Return status and body; one that is refused before it is whole may be cut off while it is sent."""
        try:
            status, body = super().ask(request)
        except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
            time.sleep(0.05)
            return 400, b""
        if status >= 400:
            told = json.loads(body)
            assert set(told) == {"error", "reason", "notice"}, told
            assert told["error"].endswith("."), told
        return status, body

    def request(self, number: int, files: dict[str, bytes], rng: np.random.Generator) -> Request:
        """Return body and head of a hostile request."""
        if rng.random() < 0.2:
            return hostile(number, files, rng)  # what MLflow's server is sent
        names = list(files)
        if number % BOMB_EVERY == 0 and number // BOMB_EVERY < len(BOMBS):
            images = [BOMBS[list(BOMBS)[number // BOMB_EVERY]]()]
        else:
            chosen = rng.integers(0, len(names), int(rng.integers(1, 20)))
            images = [damaged(files[names[n]], files["JPEG"], rng) for n in chosen]
        as_files = rng.random() < 0.6
        body = _multipart(images, rng) if as_files else _json(images, rng)
        if rng.random() < 0.3:
            body = hurt(body, HOSTILE[rng.integers(0, len(HOSTILE))], rng)
        kind = MULTIPART if as_files else JSON
        if rng.random() < 0.15:
            kind = TYPES[rng.integers(0, len(TYPES))]
        head = {"Content-Type": kind}
        return body, head | (HEADS[rng.integers(0, len(HEADS))] if rng.random() < 0.1 else {})


def _json(images: list[bytes], rng: np.random.Generator) -> bytes:
    rows: list[object] = [
        {"image": base64.b64encode(image).decode(), "view": VIEWS[rng.integers(0, len(VIEWS))]}
        for image in images
    ]
    odd: list[object] = [None, 5, "", [], {}, {"image": None}, {"image": [[]]}, {"view": "frontal"}]
    if rng.random() < 0.3:
        rows.insert(0, odd[rng.integers(0, len(odd))])
    shapes: list[object] = [{"images": rows}] * 6
    shapes += [rows, {"images": {}}, {"images": rows, "study_id": odd[rng.integers(0, len(odd))]}]
    shapes += [{"images": rows, "operating_point": "x" * 99}, {"inputs": rows}]
    return json.dumps(shapes[rng.integers(0, len(shapes))]).encode()


def _multipart(images: list[bytes], rng: np.random.Generator) -> bytes:
    names = ["files"] * 8 + ["file", "views", "study_id", "", "operating_point"]
    parts = []
    for image in images:
        name = names[rng.integers(0, len(names))]
        file = '; filename="\u00e4";\r.dcm"' if rng.random() < 0.8 else ""
        head = f'Content-Disposition: form-data; name="{name}"{file}'.encode("latin-1")
        if rng.random() < 0.05:
            head += b"\r\nX: y" * int(rng.integers(1, 500))
        parts.append(b"--" + BOUNDARY + b"\r\n" + head + b"\r\n\r\n" + image + b"\r\n")
    if rng.random() < 0.3:
        views = ",".join(str(VIEWS[rng.integers(0, len(VIEWS))]) for _ in images)
        parts.append(
            b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="views"\r\n\r\n'
            + views.encode() + b"\r\n"
        )  # fmt: skip
    return b"".join(parts) + (b"--" + BOUNDARY + b"--\r\n" if rng.random() < 0.9 else b"")
