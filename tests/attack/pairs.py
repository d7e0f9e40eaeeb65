"""Two runs of one project at the same moment: both succeed, with the weights of an undisturbed one."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from child import generator
from projects import STAGES, Run, copy_of, finished_project, judged, new_project, weights
from tally import Tally

FIRST = STAGES[0]
APART = 3.0
"""Seconds by which the second run may begin later."""


def attack_by_pairs(
    numbers: Iterable[int],
    goal: int,
    seed: int,
    seconds: float,
    finished: Path | None = None,
    whole: bool = False,
) -> Tally:
    """Start pairs of runs until the time is over.

    By turns, both run the first stage in a fresh project, where they make MLflow's database, and a later
    stage in a copy without checkpoints and image store.

    Args:
        numbers: Numbers of the tries.
        goal: How many are wanted.
        seed: Which moments.
        seconds: By the clock.
        finished: A project that ran undisturbed; one is made by default.
        whole: Whether each pair is of whole runs in a fresh project, which takes minutes.
    """
    tally = Tally("pairs", goal, seed)
    with tempfile.TemporaryDirectory(prefix="attack-pairs-") as temporary:
        folder = Path(temporary)
        finished = finished or finished_project(folder)
        expected = weights(finished)
        for number in tally.rounds(numbers, seconds):
            rng = generator("pairs", seed, number)
            project = folder / str(number)
            fresh = whole or number % 2 == 0
            stage = None if whole else FIRST if fresh else STAGES[(seed + 5 * number) % len(STAGES)]
            if fresh:
                new_project(project)
            else:
                copy_of(finished, project)
            of_stage = expected
            first = Run(project, stage)
            time.sleep(APART * rng.random() * (number % 4 > 0))
            second = Run(project, stage)
            both = [first.end(), second.end()]
            tally.tries += 1
            if fresh and stage:
                made = weights(project)
                of_stage = {name: digest for name, digest in expected.items() if name in made}
            for ended in both:
                fault, what = judged(project, ended, of_stage)
                if fault:
                    tally.add(fault, number, f"{stage or 'all stages'}. {what}")
            shutil.rmtree(project, ignore_errors=True)
    return tally
