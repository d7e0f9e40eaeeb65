"""The command `serve` in a process of its own."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

from helpers.commands import OURS, REPOSITORY
from helpers.forks import Command, End, Starter

PATIENCE = 120


class Serving:
    """A service of a model bundle on a free port.

    Args:
        starter: What starts it.
        folder: Where it works, and its log lies.
        model: Folder of the bundle.
        options: Further options of the command.
        command: What stands in front of ``serve``.
        variables: What its environment has beside that of the tests.
    """

    def __init__(
        self,
        starter: Starter,
        folder: Path,
        model: Path,
        *options: str,
        command: tuple[str, ...] = OURS,
        **variables: str,
    ) -> None:
        self.log = folder / "serve.log"
        arguments = [*command, "serve", "--model", str(model), "--port", "0", *options]
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "src")} | variables
        with self.log.open("wb") as log:
            self.process = starter.start(Command(arguments, folder, log.fileno(), environment))
        end = time.monotonic() + PATIENCE
        while not (said := re.search(r"http://(\S+):(\d+)/v1/reports", self.told)):
            assert time.monotonic() < end, self.told
            time.sleep(0.05)
        self.host, self.port = said[1], int(said[2])

    @property
    def told(self) -> str:
        """What it has printed."""
        return self.log.read_text()

    def await_line(self, words: str) -> None:
        """Wait until it has logged something, which it does a moment after it has answered."""
        end = time.monotonic() + PATIENCE
        while words not in self.told:
            assert time.monotonic() < end, self.told
            time.sleep(0.05)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        """Return status and body of the answer, as JSON if it is."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            response = connection.getresponse()
            text = response.read().decode()
            return response.status, json.loads(text) if "json" in response.getheader(
                "content-type", ""
            ) else text
        finally:
            connection.close()

    def stop(self, number: int = signal.SIGTERM) -> End:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)
