"""Commands in processes of their own, with what they print and how they end."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from coherent_cxr.tracking.addresses import ADDRESS_VARIABLES
from helpers.forks import Command, Starter

REPOSITORY = Path(__file__).resolve().parents[2]
KEDRO = ("-m", "kedro")
OURS = ("-c", "from coherent_cxr.cli import main; main()")
PATIENCE = 300
TESTS = str(REPOSITORY / "tests")


class Ended(NamedTuple):
    """How a command ended: its exit code (minus the signal of a killed one), and what it printed."""

    code: int
    output: str
    errors: str


class Running:
    """A command that goes on meanwhile.

    Args:
        starter: What starts it.
        arguments: As behind ``python``.
        folder: Where it works.
        variables: What its environment has beside that of the tests; the product is imported from this
            repository, behind what PYTHONPATH names.
    """

    def __init__(self, starter: Starter, arguments: tuple[str, ...], folder: Path, **variables: str) -> None:
        paths = [*filter(None, [variables.get("PYTHONPATH")]), str(REPOSITORY / "src")]
        # MLflow writes the address it was told last into the environment of whoever told it
        inherited = {name: value for name, value in os.environ.items() if name not in ADDRESS_VARIABLES}
        environment = inherited | {"COLUMNS": "200"} | variables | {"PYTHONPATH": os.pathsep.join(paths)}
        # files, as a pipe is full some time and nobody may read it
        self._streams = [tempfile.TemporaryFile() for _ in range(2)]  # noqa: SIM115 - closed at its end
        output, errors = (stream.fileno() for stream in self._streams)
        self.process = starter.start(Command([*arguments], folder, output, environment, errors=errors))

    def until(self, happened: Callable[[], object]) -> None:
        """Wait until something happened.

        Raises:
            AssertionError: If the command ends before.
        """
        while not happened():
            try:
                end = self.process.wait(0.01)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(f"The command ended with {end.code}: {self._printed()}")

    def end(self) -> Ended:
        """Wait for its end; one that takes too long is killed.

        Raises:
            subprocess.TimeoutExpired: If it took too long.
        """
        try:
            code = self.process.wait(PATIENCE).code
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return Ended(code, *self._printed())

    def _printed(self) -> list[str]:
        printed = []
        for stream in self._streams:
            stream.seek(0)
            printed.append(stream.read().decode(errors="replace"))
            stream.close()
        return printed


def run_toy(starter: Starter, folder: Path, at: str, count: int, number: str = "SIGKILL") -> Ended:
    """Run the toy, which sends itself a signal when it passes a named point for the n-th time."""
    arguments = ("-m", "helpers.toy", str(folder), at, str(count), number)
    return Running(starter, arguments, folder.parent, PYTHONPATH=TESTS).end()
