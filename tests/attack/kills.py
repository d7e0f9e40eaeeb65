"""SIGKILL at a random moment of a stage or of a whole run; the same command again ends as if undisturbed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from child import generator
from projects import STAGES, Run, copy_of, finished_project, judged, new_project, weights
from tally import Tally

WHOLE_EVERY = 4
"""At full scale, one kill in so many is of a whole run in a fresh project."""
AT_FIRST = (15.0, 120.0)
"""Seconds within which a stage and a whole run are killed at first; later by how long they took."""


def attack_by_kills(
    numbers: Iterable[int],
    goal: int,
    seed: int,
    seconds: float,
    finished: Path | None = None,
    whole: bool = False,
) -> Tally:
    """Kill runs until the time is over.

    Args:
        numbers: Numbers of the tries.
        goal: How many are wanted.
        seed: Which moments.
        seconds: By the clock.
        finished: A project that ran undisturbed; one is made by default.
        whole: Whether whole runs are killed too, which takes minutes each.
    """
    tally = Tally("kills", goal, seed)
    took: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="attack-kills-") as temporary:
        folder = Path(temporary)
        finished = finished or finished_project(folder)
        expected = weights(finished)
        for number in tally.rounds(numbers, seconds):
            rng = generator("kills", seed, number)
            # round and round, from a place that the seed decides: few tries meet many stages
            stage: str | None = STAGES[(seed + 5 * number) % len(STAGES)]
            if whole and number % WHOLE_EVERY == 0:
                stage = None
            project = folder / str(number)
            if stage:
                copy_of(finished, project)
            else:
                new_project(project)
            most = took.get(stage or "all", AT_FIRST[stage is None])
            ended = Run(project, stage).end(after=most * rng.random())
            killed = ended.code == -9
            if killed:
                ended = Run(project, stage).end()
                took[stage or "all"] = ended.seconds
            tally.tries += killed  # one that had finished was not killed
            fault, what = judged(project, ended, expected)
            if fault:
                tally.add(fault, number, f"{stage or 'all stages'}, killed: {killed}. {what}")
            shutil.rmtree(project, ignore_errors=True)
    return tally
