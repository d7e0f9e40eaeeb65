"""The campaign: ``make attack`` prints one table of tries and faults, and ends with 1 if there is a fault.

ATTACK_SCALE     share of the full counts (default 0.1); 1.0 asks for all, whole runs included
ATTACK_MINUTES   most minutes (default 18, without a limit if ATTACK_SCALE is 1.0); begun tries end
ATTACK_SEED      another seed draws other attacks (default 20261128)
ATTACK_ONLY      names with commas; ``name:17`` repeats the try 17
ATTACK_PROJECT   a folder for the undisturbed project, made if it is not there, kept and used again
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from child import attack_in_child
from commands import attack_commands
from disturbed import attack_projects
from full_disk import fill
from kills import kill
from pairs import pair
from projects import finished_project
from rest import attack_rest
from served import attack_server
from tally import Tally, table


class Kind(NamedTuple):
    """A kind of attack: how it is made, its full count, its share of the time, whether it needs a project."""

    attack: Callable[..., Tally]
    goal: int
    share: float
    project: bool = False


KINDS = {
    "report_tables": Kind(partial(attack_in_child, "report_tables"), 3000, 0.07),
    "raw_reports": Kind(partial(attack_in_child, "raw_reports"), 2000, 0.05),
    "mimic": Kind(partial(attack_in_child, "mimic"), 1000, 0.04),
    "user_files": Kind(partial(attack_in_child, "user_files"), 1000, 0.04),
    "radiographs": Kind(partial(attack_in_child, "radiographs"), 2900, 0.08),
    "commands": Kind(attack_commands, 100, 0.05),
    "growth": Kind(partial(attack_in_child, "growth"), 639, 0.05),
    "tampered": Kind(partial(attack_in_child, "tampered"), 1000, 0.08),
    "served": Kind(attack_server, 2000, 0.08),
    "rest": Kind(attack_rest, 2000, 0.08),
    "kills": Kind(partial(attack_projects, "kills", kill), 40, 0.22, True),
    "pairs": Kind(partial(attack_projects, "pairs", pair), 10, 0.12, True),
    "full disk": Kind(partial(attack_projects, "full disk", fill), 10, 0.10, True),
}


def main() -> int:
    """Run the campaign by the environment; return the exit code."""
    scale = float(os.environ.get("ATTACK_SCALE", "0.1"))
    minutes = float(os.environ.get("ATTACK_MINUTES", "18" if scale < 1 else "inf"))
    seed = int(os.environ.get("ATTACK_SEED", "20261128"))
    wanted = [name.partition(":") for name in os.environ.get("ATTACK_ONLY", ",".join(KINDS)).split(",")]
    begin, batch_statistic_names = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="attack-") as folder:
        finished: Path | None = None
        for name, _, number in wanted:
            kind = KINDS[name]
            goal = 1 if number else max(1, round(kind.goal * scale))
            numbers = [int(number)] if number else range(10 * goal)
            seconds = minutes * 60 * kind.share
            more: dict[str, Any] = {}
            if kind.project:
                finished = finished or finished_project(Path(folder))
                more = {"finished": finished, "whole": scale >= 1}
            print(f"{name} ...", file=sys.stderr, flush=True)
            batch_statistic_names.append(kind.attack(numbers, goal, seed, seconds, **more))
            print(table(batch_statistic_names[-1:]), file=sys.stderr, flush=True)
    print(table(batch_statistic_names))
    print(f"\n{(time.monotonic() - begin) / 60:.1f} min, ATTACK_SCALE={scale:g}, ATTACK_MINUTES={minutes:g}")
    return int(any(tally.faults for tally in batch_statistic_names))


if __name__ == "__main__":
    sys.exit(main())
