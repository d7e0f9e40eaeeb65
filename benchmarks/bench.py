"""All benchmarks that compare us with a named rival, as one table: each ratio beside its goal.

Run: make bench, or python benchmarks/bench.py [--json FILE] [--only NAME ...] [--compare FILE]

Each benchmark runs in a process of its own, one after the other, on one thread (a rank). `--json` keeps the
table for a later `--compare`, which marks ratios that are worse by more than a tenth. A ratio compares runs
that take turns with the rival's, so it depends little on the machine and on what else runs there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ratios import FILE

BENCHMARKS: dict[str, list[str]] = {
    "start_up": ["--repeats", "3"],
    "labeller_speed": ["--without-memory"],
    "rewards": [],
    "images_throughput": ["--images", "48"],
    "decoder": ["--write", "64", "--repeats", "2"],
    "encoder_step": ["--repeats", "2"],
    "memory_kept": ["--repeats", "2", "--steps", "4"],
    "training_step": ["--size", "128", "--batch", "8", "--repeats", "2"],
    "ranks": ["--steps", "4", "--repeats", "2"],
    "rl_step": ["--warm-up", "80", "--steps", "6", "--samples", "2", "--sentence-feedback"],
    "rl_step, --env paper": ["--warm-up", "10", "--steps", "2", "--batch", "32", "--end-to-end", "256"],
    "evaluation_bootstrap": [],
}
"""Scripts of this folder, with what keeps all of them together near a quarter of an hour.

A script may stand twice, told apart behind a comma.
"""
WORSE = 1.1


def processor() -> str:
    """Return the processor's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def ratios_of(name: str, arguments: list[str]) -> tuple[list[dict[str, Any]], str]:
    """Run a benchmark; return the ratios it noted, and the last line of its errors if it failed."""
    script = Path(__file__).with_name(f"{name.split(',')[0]}.py")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ratios")
        path.touch()
        environment = {"OMP_NUM_THREADS": "1", **os.environ, FILE: str(path)}
        ended = subprocess.run(
            [sys.executable, str(script), *arguments],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    error = (ended.stderr.strip().splitlines() or ["no message"])[-1] if ended.returncode else ""
    return [{"benchmark": name, **row} for row in rows], error


def reached(row: dict[str, Any]) -> str:
    """Return the goal in words, and whether it is missed."""
    if row["at_least"] is not None:
        return f"at least {row['at_least']:g}" + (" **missed**" if row["ratio"] < row["at_least"] else "")
    if row["at_most"] is not None:
        return f"at most {row['at_most']:g}" + (" **missed**" if row["ratio"] > row["at_most"] else "")
    return ""


def change(row: dict[str, Any], before: dict[tuple[str, str], dict[str, Any]]) -> str:
    """Return the earlier ratio, and whether this one is worse by more than a tenth."""
    earlier = before.get((row["benchmark"], row["what"]))
    if earlier is None:
        return "new"
    factor = row["ratio"] / earlier["ratio"]
    worse = factor > WORSE if row["at_most"] is not None else 1 / factor > WORSE
    return f"{earlier['ratio']:.2f}" + (" **worse**" if worse else "")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="also write the ratios to this file")
    parser.add_argument("--compare", type=Path, help="a file of --json of an earlier run")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS))
    given = parser.parse_args()
    before = {}
    if given.compare:
        earlier = json.loads(given.compare.read_text())["ratios"]
        before = {(row["benchmark"], row["what"]): row for row in earlier}
    rows: list[dict[str, Any]] = []
    failed, seconds = {}, {}
    for number, name in enumerate(given.only, start=1):
        sys.stderr.write(f"{number} of {len(given.only)}: {name} ...\n")
        began = time.perf_counter()
        noted, error = ratios_of(name, BENCHMARKS[name])
        seconds[name] = time.perf_counter() - began
        rows += noted
        if error:
            failed[name] = error
    sys.stdout.write(f"{processor()}, {time.strftime('%Y-%m-%d')}, {sum(seconds.values()) / 60:.0f} min\n\n")
    head = ["benchmark", "measured", "ratio", "rival", "goal", *(["before"] if before else [])]
    sys.stdout.write(f"| {' | '.join(head)} |\n|{'---|' * len(head)}\n")
    for row in rows:
        cells = [row["benchmark"], row["what"], f"{row['ratio']:.2f}", row["rival"], reached(row)]
        cells += [change(row, before)] if before else []
        sys.stdout.write(f"| {' | '.join(cells)} |\n")
    for name, error in failed.items():
        sys.stdout.write(f"\n{name} failed: {error}\n")
    if given.json:
        kept = {"processor": processor(), "date": time.strftime("%Y-%m-%d"), "ratios": rows}
        given.json.write_text(json.dumps(kept, indent=2) + "\n")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
