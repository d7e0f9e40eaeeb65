"""The same damage through the real commands, each in a process of its own with a limit of time and memory."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from child import BY_THE_CLOCK, MOST_BYTES, generator
from damage import hurt, sentence
from fuzzing import damaged, real_files
from report_tables import KINDS, written
from tally import SECONDS, Tally

from tiny_bundle import make_bundle

COMMAND = [sys.executable, "-c", "from coherent_cxr.cli import main; main()"]


def attack_commands(numbers: Iterable[int], goal: int, seed: int, seconds: float) -> Tally:
    """Call commands until the goal is reached or the time is over."""
    tally = Tally("commands", goal, seed)
    with tempfile.TemporaryDirectory(prefix="attack-commands-") as temporary:
        folder = Path(temporary)
        make_bundle().save(folder / "bundle")
        files = real_files()
        (folder / "good.dcm").write_bytes(files["PNG"])
        good = [*COMMAND, "generate", str(folder / "good.dcm"), "--model", str(folder / "bundle")]
        subprocess.run(good, capture_output=True, check=True)
        own = _largest()
        for number in tally.rounds(numbers, seconds):
            place = folder / "try"
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            arguments = command(place, folder / "bundle", files, generator("commands", seed, number), number)
            tally.tries += 1
            call([*COMMAND, *map(str, arguments)], place, number, tally, own)
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
    return ["evaluate", "--generated", bad, "--references", good, "--no-meteor", "--resamples", 20]


def call(command: list[str], place: Path, number: int, tally: Tally, own: int) -> None:
    """Call a command and look at its end, and at its memory beyond what the program itself takes (MB)."""
    with (place / "said").open("w+b") as said:
        process = subprocess.Popen(command, cwd=place, stdout=said, stderr=said, preexec_fn=_limited)
        try:
            process.wait(BY_THE_CLOCK)
            return_code = process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            tally.add("hang", number, f"no end within {BY_THE_CLOCK} s: {command[3:]}")
            return_code = process.wait()
        said.seek(0)
        text = said.read().decode(errors="replace")
    if return_code < 0 or "Traceback" in text:
        tally.add("crash", number, f"{return_code}: {command[3:]} {text[-1500:]}")
    elif return_code not in (0, 1, 2) or (return_code and "Error: " not in text) or "\x1b" in text:
        tally.add("wrong", number, f"{return_code}: {command[3:]} {text[-500:]}")
    # the largest of all that have ended: what none exceeds, this one does not
    beyond = _largest() - own
    if beyond > tally.megabytes:
        tally.note(number, beyond)


def _largest() -> int:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024


def _limited() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    resource.setrlimit(resource.RLIMIT_CPU, (2 * SECONDS, 2 * SECONDS))
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
