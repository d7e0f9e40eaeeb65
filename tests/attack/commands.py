"""The same damage through the real commands, each in a process of its own with a limit of time and memory."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from child import MOST_BYTES, generator
from damage import hurt, sentence
from report_tables import FEWEST_RESAMPLES, KINDS, written
from tally import SECONDS, Tally

from helpers.forks import Command, End, Forks, Interpreters, Starter
from helpers.fuzzing import damaged, real_files
from helpers.tiny_bundle import make_bundle

COMMAND = ["-c", "from coherent_cxr.cli import main; main()"]
LIMITS = {"RLIMIT_CPU": 2 * SECONDS, "RLIMIT_DATA": MOST_BYTES}
ENVIRONMENT = {"PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src"), "OMP_NUM_THREADS": "1"}
PATIENCE = 600
"""Seconds by the clock; a hang is found by its processor time, whatever else the machine does."""
INTERPRETER_EVERY = 10
"""One call in so many starts an interpreter, as a user does; the others fork."""


def attack_commands(
    numbers: Iterable[int], goal: int, seed: int, seconds: float, given: Forks | None = None
) -> Tally:
    """Call commands until the goal is reached or the time is over; ``given`` starts those that are forked."""
    tally, forks = Tally("commands", goal, seed), given or Forks()
    with tempfile.TemporaryDirectory(prefix="attack-commands-") as temporary:
        folder = Path(temporary)
        make_bundle().save(folder / "bundle")
        files = real_files()
        (folder / "good.dcm").write_bytes(files["PNG"])
        good = ["generate", str(folder / "good.dcm"), "--model", str(folder / "bundle")]
        own = succeed(good, folder, forks)
        succeed(judging(good_table(folder, "a"), good_table(folder, "b")), folder, forks)
        for number in tally.rounds(numbers, seconds):
            place = folder / "try"
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            arguments = command(place, folder / "bundle", files, generator("commands", seed, number), number)
            tally.tries += 1
            judge([*map(str, arguments)], place, number, tally, own, forks)
    if given is None:
        forks.close()
    return tally


def command(
    place: Path, bundle: Path, files: dict[str, bytes], rng: np.random.Generator, number: int
) -> list[object]:
    """Return the arguments of one command whose file is damaged."""
    if number % 3 == 0:
        kind = list(files)[rng.integers(0, len(files))]
        (place / "image.dcm").write_bytes(damaged(files[kind], files["PNG"], rng))
        return ["generate", place / "image.dcm", "--model", bundle, *["--json"][: int(rng.integers(0, 2))]]
    rows = [{"study_id": f"s{n}", "report": sentence(rng)} for n in range(6)]
    kind = KINDS[rng.integers(0, len(KINDS))]
    names = [f"$\\frac{{a}}$.{kind}", f"reports.{kind}"][:: 1 if rng.random() < 0.3 else -1]
    good, bad = place / names[1], place / names[0]
    good.write_bytes(written(rows, kind))
    bad.write_bytes(hurt(good.read_bytes(), b"other", rng))
    if number % 3 == 1:
        return ["label", "--reports_path", bad, "--output_path", place / "labels.csv", "--column", "report"]
    return judging(bad, good)


def judging(generated: Path, references: Path) -> list[object]:
    """Return the arguments of a judgement that takes few seconds."""
    few = ["--no-meteor", "--resamples", FEWEST_RESAMPLES]
    return ["evaluate", "--generated", generated, "--references", references, *few]


def good_table(folder: Path, name: str) -> Path:
    """Write a table that nothing is wrong about."""
    (folder / f"{name}.csv").write_bytes(written([{"study_id": "s1", "report": "Clear lungs."}], "csv"))
    return folder / f"{name}.csv"


def succeed(arguments: Iterable[object], place: Path, forks: Forks) -> int:
    """Call a command on good files; return the memory of the program itself (MB).

    Raises:
        RuntimeError: If it is refused, so that no damage could be found out by it.
    """
    end, said = call([*map(str, arguments)], place, forks)
    if end.code:
        raise RuntimeError(f"Good files were refused: {said}")
    return end.megabytes


def judge(arguments: list[str], place: Path, number: int, tally: Tally, own: int, forks: Forks) -> None:
    """Call a command and look at its end, and at its memory beyond what the program itself takes (MB)."""
    try:
        end, said = call(arguments, place, forks if number % INTERPRETER_EVERY else Interpreters())
    except subprocess.TimeoutExpired:
        tally.add("hang", number, f"no end within {PATIENCE} s: {arguments}")
        return
    if end.code in (-signal.SIGXCPU, -signal.SIGKILL):
        tally.add("hang", number, f"more than {LIMITS['RLIMIT_CPU']} s of processor time: {arguments}")
    elif end.code < 0 or "Traceback" in said:
        tally.add("crash", number, f"{end.code}: {arguments} {said[-1500:]}")
    elif end.code not in (0, 1, 2) or (end.code and "Error: " not in said) or "\x1b" in said:
        tally.add("wrong", number, f"{end.code}: {arguments} {said[-500:]}")
    tally.note(number, end.megabytes - own)


def call(arguments: list[str], place: Path, starter: Starter) -> tuple[End, str]:
    """Call a command; return its end and what it said.

    Raises:
        subprocess.TimeoutExpired: If it does not end; it is killed.
    """
    with (place / "said").open("w+b") as log:
        environment = {**os.environ, **ENVIRONMENT}
        process = starter.start(Command([*COMMAND, *arguments], place, log.fileno(), environment, LIMITS))
        try:
            end = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        log.seek(0)
        return end, log.read().decode(errors="replace")
