"""MLflow is given user and password of a server, and prints neither."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import mlflow
import pytest

from coherent_cxr.tracking.secrets import kept_by_variables

RUN = {"run": {"info": {"run_id": "r1", "experiment_id": "1", "run_name": "a run", "status": "FINISHED"}}}


class Server(ThreadingHTTPServer):
    """Answers whatever MLflow asks with one run, and notes as whom it asked."""

    asked_as: list[str | None]


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.asked_as.append(self.headers["Authorization"])
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        body = json.dumps(RUN).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), _Answer) as server:
        server.asked_as = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_the_end_of_a_run_shows_its_address_without_the_password(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")
    address = f"127.0.0.1:{server.server_address[1]}"
    mlflow.MlflowClient(kept_by_variables(f"http://me:pa%24%24word@{address}")).set_terminated("r1")
    printed = capsys.readouterr().out
    assert f"View run a run at: http://{address}/#/experiments/1/runs/r1" in printed
    assert set(server.asked_as) == {"Basic " + base64.b64encode(b"me:pa$$word").decode()}
