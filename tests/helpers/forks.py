"""Commands in processes that are forked from one with the libraries imported.

An interpreter takes several seconds of processor time to import PyTorch, MLflow and Kedro, a fork takes a few
milliseconds. What is ours is imported by each process itself, as its files may be a copy.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import gc
import importlib
import json
import math
import os
import resource
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

LIBRARIES = (
    "torch._dynamo",  # what the first optimiser imports
    *(
        "torch",
        "torchvision",
        "torchxrayvision",
        "mlflow",
        "mlflow.pyfunc",
        "pandas",
        "sqlalchemy",
        "alembic",
    ),
    *("scipy.stats", "sklearn.linear_model", "pyarrow.parquet", "matplotlib.figure", "pydicom"),
    *("imagecodecs", "PIL.Image", "jinja2", "pydantic", "safetensors.torch", "omegaconf", "tqdm", "yaml"),
    *("click", "rich.logging", "rich.traceback", "fsspec", "dynaconf", "cookiecutter.main", "git"),
)
"""What costs seconds. Kedro is not among them: it reads its folder and environment when it is imported."""
MOST_REQUEST = 1 << 20


class End(NamedTuple):
    """How a process ended.

    Attributes:
        code: Its exit code, or minus the signal that killed it.
        megabytes: The most memory that it held, with the libraries.
    """

    code: int
    megabytes: int


class Process(ABC):
    """A process of its own group; like :class:`subprocess.Popen`, as far as it is needed here.

    Attributes:
        pid: Its id, and that of the group of it and its own children.
    """

    pid: int

    @abstractmethod
    def wait(self, seconds: float | None = None) -> End:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: If it has not ended after some seconds.
        """

    def send_signal(self, number: int) -> None:
        """Send it alone a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it and its own children."""
        os.killpg(self.pid, signal.SIGKILL)


class Command(NamedTuple):
    """What to start.

    Attributes:
        arguments: As behind ``python``: ``-m`` and a module, or ``-c`` and code, and what follows.
        folder: Where it works.
        log: File descriptor of what it says.
        environment: Its environment.
        limits: Limits by their names in ``resource``.
        errors: File descriptor of what it says on standard error; by default the log.
    """

    arguments: list[str]
    folder: Path
    log: int
    environment: Mapping[str, str]
    limits: Mapping[str, int] | None = None
    errors: int | None = None


class Forked(Process):
    """A process that was forked."""

    def __init__(self, answers: socket.socket) -> None:
        self._answers = answers
        self.pid = int.from_bytes(answers.recv(8), "little")

    def wait(self, seconds: float | None = None) -> End:
        """Wait for its end; see :meth:`Process.wait`."""
        self._answers.settimeout(seconds)
        try:
            code, kilobytes = json.loads(self._answers.recv(100))
        except TimeoutError as error:
            raise subprocess.TimeoutExpired("a forked command", seconds or 0) from error
        self._answers.close()
        return End(code, kilobytes // 1024)


class Started(Process):
    """A process with an interpreter of its own."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid

    def wait(self, seconds: float | None = None) -> End:
        """Wait for its end; see :meth:`Process.wait`."""
        end = time.monotonic() + (math.inf if seconds is None else seconds)
        while True:
            process, status, used = os.wait4(self.pid, os.WNOHANG)
            if process:
                self._process.returncode = os.waitstatus_to_exitcode(status)
                return End(self._process.returncode, used.ru_maxrss // 1024)
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("a command", seconds or 0)
            time.sleep(0.05)


class Starter(ABC):
    """Starts commands."""

    @abstractmethod
    def start(self, command: Command) -> Process:
        """Start a command in a process group of its own."""


class Interpreters(Starter):
    """Starts each command with an interpreter of its own, as a user does.

    Args:
        python: The interpreter; by default this one.
    """

    def __init__(self, python: str = sys.executable) -> None:
        self._python = python

    def start(self, command: Command) -> Started:
        """Start a command; see :meth:`Starter.start`."""
        return Started(
            subprocess.Popen(
                [self._python, *command.arguments],
                cwd=command.folder,
                env=command.environment,
                stdin=subprocess.DEVNULL,
                stdout=command.log,
                stderr=command.log if command.errors is None else command.errors,
                preexec_fn=lambda: _limit(command.limits or {}),
                start_new_session=True,
            )
        )


class Forks(Starter):
    """The process from which others are forked; it ends with this one."""

    def __init__(self) -> None:
        self._requests, theirs = socket.socketpair()
        command = [sys.executable, __file__, str(theirs.fileno())]
        self._server = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        theirs.close()

    def close(self) -> None:
        """End the process; those that were forked go on."""
        self._requests.close()
        self._server.wait()

    def start(self, command: Command) -> Forked:
        """Start a command; see :meth:`Starter.start`."""
        answers, theirs = socket.socketpair()
        request = {
            "arguments": command.arguments,
            "folder": str(command.folder),
            "environment": dict(command.environment),
            "limits": dict(command.limits or {}),
        }
        errors = command.log if command.errors is None else command.errors
        with theirs:
            descriptors = array.array("i", [theirs.fileno(), command.log, errors])
            self._requests.sendmsg(
                [json.dumps(request).encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)]
            )
        return Forked(answers)


def serve(requests: socket.socket) -> dict[str, Any]:
    """Fork for each request; return it in the forked process."""
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()  # else the first collection of each process would copy all pages
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, MOST_REQUEST, 3)
        if not message:
            os._exit(0)
        answers, *streams = descriptors
        if not os.fork():
            requests.close()
            request: dict[str, Any] = json.loads(message)
            if not _supervise(socket.socket(fileno=answers)):
                for number, stream in enumerate(streams, 1):
                    os.dup2(stream, number)
                    os.close(stream)
                return request
        for descriptor in descriptors:
            os.close(descriptor)
        while True:  # those that have ended, so that none is left over
            try:
                if not os.waitpid(-1, os.WNOHANG)[0]:
                    break
            except ChildProcessError:
                break


def _supervise(answers: socket.socket) -> bool:
    """Fork again; tell the process id and how it ended. False in the new process."""
    process = os.fork()
    with contextlib.suppress(ProcessLookupError):  # both do it, as either may come first
        os.setpgid(process, process or os.getpid())
    if not process:
        answers.close()
        return False
    answers.send(process.to_bytes(8, "little"))
    _, status, used = os.wait4(process, 0)
    answers.send(json.dumps([os.waitstatus_to_exitcode(status), used.ru_maxrss]).encode())
    os._exit(0)


def run(request: dict[str, Any]) -> None:
    """Do in this process what a new interpreter would."""
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    _limit(request["limits"])
    kind, what, *rest = request["arguments"]
    sys.path[0:1] = ["", *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv = [kind, *rest]
    if kind == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        exec(what, {"__name__": "__main__"})


def exit_code(request: dict[str, Any]) -> int:
    """Do what is asked for to its end, its threads and what it registered for its end included."""
    code: Any = 0
    try:
        run(request)
    except SystemExit as error:
        code = error.code
    except BaseException:
        sys.excepthook(*sys.exc_info())  # there is one
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # as an interpreter does
    atexit._run_exitfuncs()
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code or 0


def _limit(limits: Mapping[str, int]) -> None:
    for name, limit in limits.items():
        resource.setrlimit(getattr(resource, name), (limit, limit))


if __name__ == "__main__":
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    request = serve(socket.socket(fileno=int(sys.argv[1])))
    os._exit(exit_code(request))  # taking all modules apart would take a second
