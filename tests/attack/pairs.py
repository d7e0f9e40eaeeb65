"""Two runs of one project at the same moment: both succeed, with the weights of an undisturbed one."""

from __future__ import annotations

import time

from disturbed import Disturbance, Outcome
from projects import STAGES, judged, weights

APART = 3.0
"""Seconds by which the second run may begin later."""


def pair(one: Disturbance) -> Outcome:
    """Start two runs: at full scale by turns of all stages, of the first, and of a later one.

    The first two are in a fresh project, where they make MLflow's database; a later stage is in a copy
    without checkpoints and image store. Without whole runs the first and a later stage take turns.
    """
    kind = one.number % 3 if one.whole else 1 + one.number % 2
    stage = (None, STAGES[0], one.stage)[kind]
    project = one.project(fresh=kind != 2)
    first = one.run(project, stage)
    time.sleep(APART * one.rng.random() * (one.number % 4 > 0))
    second = one.run(project, stage)
    both = [first.end(), second.end()]
    expected = one.expected
    if kind == 1:
        made = weights(project)
        expected = {name: digest for name, digest in expected.items() if name in made}
    found = [judged(project, ended, expected) for ended in both]
    return Outcome(True, [(fault, f"{stage or 'all stages'}. {what}") for fault, what in found if fault])
