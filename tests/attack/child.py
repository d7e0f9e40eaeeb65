"""Tries in a long-lived process of its own, which may hang, crash, or ask for too much memory.

An attack is a module with ``prepare(folder) -> attempt``; ``attempt(rng, number)`` makes one try, raises
what the product should not have raised, and returns what was wrong about the answer, or an empty text.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import traceback
import zlib
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from tally import SECONDS, Tally

Attempt = Callable[[np.random.Generator, int], str]
BY_THE_CLOCK = 600
"""Seconds after which a try counts as a hang, whatever else the machine does; it waits for that long only if
it does nothing, as its processor time is counted too."""
MOST_BYTES = 4_000_000_000
TO_START = 600


class HangError(BaseException):
    """The processor time of a try is over."""


def generator(attack: str, seed: int, number: int) -> np.random.Generator:
    """Return the source of randomness of one try, which repeats it alone."""
    return np.random.default_rng([seed, zlib.crc32(attack.encode()), number])


def attack_in_child(attack: str, numbers: Iterable[int], goal: int, seed: int, seconds: float) -> Tally:
    """Make tries until all are made or the time is over.

    Args:
        attack: The module.
        numbers: Numbers of the tries.
        goal: How many are wanted.
        seed: What damage.
        seconds: By the clock.
    """
    tally = Tally(attack, goal, seed)
    child: _Child | None = None
    with tempfile.TemporaryDirectory(prefix=f"attack-{attack}-") as folder:
        for number in tally.rounds(numbers, seconds):
            child = child or _Child(attack, seed, Path(folder))
            tally.tries += 1
            if not child.attempt(number, tally):
                child = None
        if child:
            child.end()
    return tally


class _Child:
    def __init__(self, attack: str, seed: int, folder: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(attack, seed, str(folder), theirs))
        self.process.start()
        theirs.close()
        try:
            if not self.pipe.poll(TO_START):
                raise EOFError
            self.patience = max(BY_THE_CLOCK, 3 * self.pipe.recv())
        except EOFError:
            self.end()
            raise RuntimeError(f"The attack {attack} cannot be prepared.") from None

    def attempt(self, number: int, tally: Tally) -> bool:
        """Make one try; False if the process did not survive it."""
        self.pipe.send(number)
        try:
            if not self.pipe.poll(self.patience):
                tally.add("hang", number, f"no answer within {self.patience:.0f} s")
                self.end()
                return False
            fault, what, megabytes = self.pipe.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            tally.add("crash", number, f"the process ended with {self.process.exitcode}")
            return False
        if fault:
            tally.add(fault, number, what)
        tally.note(number, megabytes)
        return True

    def end(self) -> None:
        self.pipe.close()
        self.process.kill()
        self.process.join()


def _serve(attack: str, seed: int, folder: str, pipe: Connection) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, hard))
    here = Path(tempfile.mkdtemp(dir=folder))
    os.chdir(here)
    with Path(os.devnull).open("w") as nothing:
        sys.stderr = nothing
        module = importlib.import_module(attack)
        attempt: Attempt = module.prepare(here)
        seconds = getattr(module, "SECONDS", SECONDS)
        signal.signal(signal.SIGPROF, _hang)
        own = _megabytes("VmRSS")
        pipe.send(seconds)
        while True:
            try:
                number = pipe.recv()
            except EOFError:
                return
            fault, what, peak = _one(attempt, generator(attack, seed, number), number, seconds)
            pipe.send((fault, what, max(peak - own, 0)))


def _hang(*_: object) -> None:
    raise HangError


def _one(attempt: Attempt, rng: np.random.Generator, number: int, seconds: float) -> tuple[str, str, int]:
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins again
    signal.setitimer(signal.ITIMER_PROF, seconds)
    fault, what = "", ""
    try:
        what = attempt(rng, number)
        fault = "wrong" if what else ""
    except HangError:
        fault, what = "hang", f"more than {seconds} s of processor time"
    except BaseException:
        fault, what = "crash", traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return fault, what, _megabytes("VmHWM")


def _megabytes(of: str) -> int:
    return int(Path("/proc/self/status").read_text().partition(f"{of}:")[2].split()[0]) // 1024
