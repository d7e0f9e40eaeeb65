"""What kills, pairs and full disks share: a project that ran undisturbed, and one that is disturbed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from child import generator
from projects import STAGES, Run, copy_of, finished_project, new_project, weights
from tally import Tally

from helpers.forks import Forks

INTERPRETER_EVERY = 10
"""One try in so many starts interpreters, as a user does; the others fork."""


class Disturbance(NamedTuple):
    """One try.

    Attributes:
        number: Its number.
        rng: Its source of randomness.
        stage: The stage whose turn it is.
        place: Where its project is to be made.
        finished: A project that ran undisturbed.
        expected: SHA-256 of what that one made.
        forks: What starts its runs; None for interpreters.
        whole: Whether whole runs are wanted too, which take minutes each.
        took: Seconds that each stage took, as earlier tries have noted.
    """

    number: int
    rng: np.random.Generator
    stage: str
    place: Path
    finished: Path
    expected: dict[str, str]
    forks: Forks | None
    whole: bool
    took: dict[str, float]

    def project(self, fresh: bool = False) -> Path:
        """Make its project: a copy of the finished one, or one without data."""
        return new_project(self.place) if fresh else copy_of(self.finished, self.place)

    def run(self, project: Path, stage: str | None, limits: Mapping[str, int] | None = None) -> Run:
        """Start a stage, or all of them, in the way of this try."""
        return Run(project, stage, self.forks, limits)


class Outcome(NamedTuple):
    """What came of a try: whether it counts, and (kind of fault, what happened)."""

    counts: bool
    faults: list[tuple[str, str]]


def attack_projects(
    attack: str,
    disturb: Callable[[Disturbance], Outcome],
    numbers: Iterable[int],
    goal: int,
    seed: int,
    seconds: float,
    finished: Path | None = None,
    whole: bool = False,
) -> Tally:
    """Disturb projects until the goal is reached or the time is over.

    Args:
        attack: Its name.
        disturb: Makes one try.
        numbers: Numbers of the tries.
        goal: How many are wanted.
        seed: Which moments, stages and sizes.
        seconds: By the clock.
        finished: A project that ran undisturbed; one is made by default.
        whole: As in :class:`Disturbance`.
    """
    tally, took, forks = Tally(attack, goal, seed), dict[str, float](), Forks()
    with tempfile.TemporaryDirectory(prefix="attack-projects-") as temporary:
        finished = finished or finished_project(Path(temporary))
        expected = weights(finished)
        for number in tally.rounds(numbers, seconds):
            place = Path(temporary) / str(number)
            # round and round, from a place that the seed decides: few tries meet many stages
            stage = STAGES[(seed + 5 * number) % len(STAGES)]
            forked = None if number % INTERPRETER_EVERY == 0 else forks
            rng = generator(attack, seed, number)
            outcome = disturb(Disturbance(number, rng, stage, place, finished, expected, forked, whole, took))
            tally.tries += outcome.counts
            for fault, what in outcome.faults:
                tally.add(fault, number, what)
            shutil.rmtree(place, ignore_errors=True)
    forks.close()
    return tally
