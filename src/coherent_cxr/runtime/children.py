"""Functions that run side by side, each in a child process of its own.

They are forked from a process that has imported PyTorch and done nothing else (forkserver). The import takes
seconds of processor time, which one process pays instead of each.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import pickle
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from logging.handlers import QueueHandler
from multiprocessing import connection, forkserver, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any, NamedTuple

from coherent_cxr.runtime.log import is_verbose
from coherent_cxr.runtime.progress_line import share_terminal

PATIENCE = 60.0
"""Seconds that children get to save a checkpoint when they are told to end."""
KEPT_FROM_CHILDREN = {signal.SIGINT, signal.SIGHUP}
"""A terminal sends these to all processes; this one then tells the children to end, once."""
SHARED_IMPORTS = ["torch", "torch._dynamo"]
"""What all children need, the second for the first step of an optimiser; it starts no thread."""
OURS = "COHERENT_CXR_"
"""How the environment variables begin that a child gets as they are when it is called."""


class ChildError(RuntimeError):
    """A child process ended without a result: it was killed or ran out of memory."""


class _Call(NamedTuple):
    """A call that a child process is to make.

    Attributes:
        name: Name of the call.
        pickled: Its function and arguments, pickled like the results: otherwise PyTorch would send tensors
            through shared memory, which is small in containers and disappears with the child.
        environment: Our environment variables: those of the fork server are as old as it is.
    """

    name: str
    pickled: bytes
    environment: dict[str, str]


class _Running(NamedTuple):
    process: ForkServerProcess
    connection: Connection
    slot: int


class Children:
    """Calls functions in child processes, a limited number at once, and returns their results by name.

    Children log through this process's handlers. They end when this process ends, for whatever reason; a
    training saves a checkpoint first.

    Args:
        max_children: Most children at once.
        threads: Threads of each child.
    """

    def __init__(self, max_children: int, threads: int) -> None:
        self._most = max_children
        self._threads = threads
        self._waiting: deque[_Call] = deque()
        self._running: dict[str, _Running] = {}
        self._ended: dict[str, tuple[Any, BaseException | None]] = {}

    def __contains__(self, name: str) -> bool:
        """Tell whether a call of this name was added and its result not yet fetched."""
        known = (call.name for call in self._waiting)
        return name in self._running or name in self._ended or name in known

    def add(self, name: str, function: Callable[..., Any], arguments: Sequence[Any]) -> None:
        """Call a module's function as soon as a child is free.

        Args:
            name: Name by which the result is fetched.
            function: The function, sent by name; arguments and result are pickled.
            arguments: Its arguments.
        """
        ours = {key: value for key, value in os.environ.items() if key.startswith(OURS)}
        self._waiting.append(_Call(name, pickle.dumps((function, arguments)), ours))
        self._start()

    def result(self, name: str) -> Any:
        """Wait for a call's result and return it.

        Raises:
            KeyError: If no call of this name was added, or its result was fetched already.
            BaseException: What the function raised, with the child's traceback as a note. All other
                children have ended by then, as after an interruption of this process.
            ChildError: If the child ended without a result.
        """
        if name not in self:
            raise KeyError(name)
        try:
            while name not in self._ended:
                self._listen()
            value, error = self._ended.pop(name)
            if error is not None:
                raise error
        except BaseException:
            self.end()
            raise
        return value

    def end(self, patience: float = PATIENCE) -> None:
        """End all children within seconds; trainings save a checkpoint first."""
        self._waiting.clear()
        self._ended.clear()
        running, self._running = list(self._running.values()), {}
        for child in running:
            child.process.terminate()
        deadline = time.monotonic() + patience
        for child in running:
            child.process.join(max(deadline - time.monotonic(), 0))
            if child.process.is_alive():
                child.process.kill()
                child.process.join()
            child.connection.close()

    def _start(self) -> None:
        while self._waiting and len(self._running) < self._most:
            call = self._waiting.popleft()
            taken = {child.slot for child in self._running.values()}
            slot = next(slot for slot in range(self._most) if slot not in taken)
            ours, theirs = multiprocessing.Pipe()
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(SHARED_IMPORTS)
            process = context.Process(
                target=_work,
                args=(theirs, slot, self._most, self._threads, call.pickled, call.environment),
                name=call.name,
                daemon=True,
            )
            resource_tracker.ensure_running()  # else started below, where it would lift the mask
            before = signal.pthread_sigmask(signal.SIG_BLOCK, KEPT_FROM_CHILDREN)
            try:
                forkserver.ensure_running()  # its children have its mask
                process.start()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()
            self._running[call.name] = _Running(process, ours, slot)

    def _listen(self) -> None:
        """Wait for the next message of a child: a log record or a result."""
        ready = connection.wait([child.connection for child in self._running.values()])
        for name, child in list(self._running.items()):
            if child.connection not in ready:
                continue
            try:
                outcome = pickle.loads(child.connection.recv_bytes())
            except (EOFError, ConnectionError):
                child.process.join()
                outcome = None, _unheard(name, child.process.exitcode)
            if isinstance(outcome, logging.LogRecord):
                told = logging.getLogger(outcome.name)
                if told.isEnabledFor(outcome.levelno):
                    told.handle(outcome)
                continue
            self._ended[name] = outcome
            del self._running[name]
            child.connection.close()
            child.process.join()
        self._start()


class _ToParent:
    """The queue interface that a QueueHandler needs."""

    def __init__(self, parent: Connection) -> None:
        self._parent = parent

    def put_nowait(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError):  # the parent is gone, and this process soon is
            self._parent.send_bytes(pickle.dumps(record))


def _work(
    parent: Connection, slot: int, processes: int, threads: int, pickled: bytes, environment: dict[str, str]
) -> None:
    for key in [key for key in os.environ if key.startswith(OURS) and key not in environment]:
        del os.environ[key]
    os.environ.update(environment)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _log_to(parent)
    _set_threads(threads)
    share_terminal(slot, processes)
    try:
        function, arguments = pickle.loads(pickled)
        _log_to(parent)  # what the function imports may have set up a log of its own: Kedro does
        outcome = pickle.dumps((function(*arguments), None))
    except Exception as error:
        outcome = pickle.dumps((None, _that_travels(error)))
    parent.send_bytes(outcome)


def _log_to(parent: Connection) -> None:
    """Send all log records to the parent, and to no other place."""
    logging.getLogger().handlers = [QueueHandler(_ToParent(parent))]  # type: ignore[arg-type]  # duck-typed
    logging.getLogger().setLevel(logging.INFO)
    logging.getLogger("coherent_cxr").setLevel(logging.DEBUG if is_verbose() else logging.INFO)


def _unheard(name: str, code: int | None) -> ChildError:
    return ChildError(
        f"The process of '{name}' ended without a result (exit status {code}; -9 is often a want of memory). "
        "Run the same command again, or with --params runtime.processes=1."
    )


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)  # a training saves a checkpoint


def _set_threads(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)


def _that_travels(error: Exception) -> Exception:
    """Return an exception with its traceback as a note, or a description of it if it cannot be pickled."""
    error.add_note("In its own process:\n" + "".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError("".join(traceback.format_exception(error)))
    return error
