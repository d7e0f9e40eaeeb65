"""How long the commands take to start, against what any PyTorch program pays for ``import torch``.

Run: python benchmarks/start_up.py [--repeats 5] [--json FILE]

Every command runs in a fresh process, in turn with the rival; the medians are compared, of wall time and of
processor time (user and system), which other programs on the machine change less.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from ratios import note

RIVAL = "import torch"
GOALS = {"coherent-cxr --help": 0.3, "coherent-cxr label, one report": 0.6}
"""Most seconds of wall time on a machine with nothing else to do."""
GOAL_OF_TORCH = 0.3
CALL = "from coherent_cxr.cli import main; main()"


def commands(folder: Path) -> dict[str, list[str]]:
    reports = folder / "reports.csv"
    reports.write_text('"The heart is enlarged. There is no pleural effusion."\n')
    label = ["label", "--reports_path", str(reports), "--output_path", str(folder / "labels.csv")]
    return {
        RIVAL: [RIVAL],
        "pass": ["pass"],
        "coherent-cxr --help": [CALL, "--help"],
        "coherent-cxr label, one report": [CALL, *label],
        "import coherent_cxr.chexpert": ["import coherent_cxr.chexpert"],
        "import kedro.framework.session": ["import kedro.framework.session"],
        "import mlflow": ["import mlflow"],
    }


def seconds(arguments: list[str], folder: Path) -> tuple[float, float]:
    """Wall time and processor time of a process from its start to its end."""
    before, began = os.times(), time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", *arguments],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    wall, after = time.perf_counter() - began, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, used


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write the medians to this file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        calls = commands(folder)
        times: dict[str, list[tuple[float, float]]] = {call: [] for call in calls}
        for turn in range(given.repeats + 1):  # the first fills the disk's cache
            for call, arguments in calls.items():
                took = seconds(arguments, folder)
                if turn:
                    times[call].append(took)
    medians = {
        call: {"wall": median(w for w, _ in took), "processor": median(p for _, p in took)}
        for call, took in times.items()
    }
    sys.stdout.write(
        "| command | wall, s | goal, s | of `import torch` | processor, s | of `import torch` |\n"
        "|---|---|---|---|---|---|\n"
    )
    for call, median_of in medians.items():
        shares = [median_of[clock] / medians[RIVAL][clock] for clock in ("wall", "processor")]
        sys.stdout.write(
            f"| `{call}` | {median_of['wall']:.2f} | {GOALS.get(call, '')} | {shares[0]:.2f} | "
            f"{median_of['processor']:.2f} | {shares[1]:.2f} |\n"
        )
        if "coherent" in call:
            note(f"`{call}`, of the processor time", shares[1], "`import torch`", at_most=GOAL_OF_TORCH)
    if given.json:
        given.json.write_text(json.dumps(medians, indent=2))


if __name__ == "__main__":
    main()
