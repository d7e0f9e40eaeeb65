"""Ranks that are forked from a process with the libraries: an import of PyTorch less for each."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from helpers.forks import Command, Forks


class ForkedRank:
    """What :func:`coherent_cxr.runtime.distributed.run_in_ranks` uses of ``subprocess.Popen``."""

    def __init__(self, forks: Forks, command: Sequence[str], env: Mapping[str, str]) -> None:
        self._process = forks.start(Command([*command[1:]], Path.cwd(), 2, env))
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return the exit code."""
        if self.returncode is None:
            self.returncode = self._process.wait(timeout).code
        return self.returncode

    def poll(self) -> int | None:
        """Return the exit code if it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0.01)
        return None

    def kill(self) -> None:
        """End it at once, if it goes on."""
        if self.returncode is None:
            self._process.kill()
