"""SIGKILL at a random moment of a stage or of a whole run; the same command again ends as if undisturbed."""

from __future__ import annotations

from disturbed import Disturbance, Outcome
from projects import judged

WHOLE_EVERY = 8
"""At full scale, one kill in so many is of a whole run in a fresh project."""
AT_FIRST = (12.0, 90.0)
"""Seconds within which a stage and a whole run are killed at first; later by how long they took."""


def kill(one: Disturbance) -> Outcome:
    """Kill a run, and run it again; a run that had finished was not killed and does not count."""
    stage = None if one.whole and one.number % WHOLE_EVERY == 0 else one.stage
    name = stage or "all stages"
    project = one.project(fresh=stage is None)
    moment = one.took.get(name, AT_FIRST[stage is None]) * one.rng.random()
    ended = one.run(project, stage).end(after=moment)
    killed = ended.code == -9
    if killed:
        ended = one.run(project, stage).end()
    one.took[name] = ended.seconds
    fault, what = judged(project, ended, one.expected)
    return Outcome(
        killed, [(fault, f"{name}, killed after {moment:.1f} s: {killed}. {what}")] if fault else []
    )
