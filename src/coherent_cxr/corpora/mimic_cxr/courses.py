"""Invented patients: findings that come, grow, shrink, stay and go, and sentences that say so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

MOST_STUDIES = 5
FIRST_YEAR, YEARS = 2110, 90
"""The corpus' dates are moved into these years."""


class Statement(NamedTuple):
    """What a study shows of one finding, and how its report says it.

    Attributes:
        label: 1 there, 0 denied or gone, None not mentioned.
        text: The report's sentence; empty where there is none.
        shown: The finding as it is, for the picture; empty where there is none.
        change: new, worsened, improved, unchanged, resolved; empty at the first study and where it stays
            absent.
    """

    label: int | None
    text: str
    shown: str
    change: str


@dataclass(frozen=True)
class Course:
    """One finding of one patient.

    Attributes:
        observation: Its CheXpert label.
        words: Its part of the material.
        side: Its side, where the words have one.
        stages: Its stage at each study: 0 is absent.
    """

    observation: str
    words: Mapping[str, Any]
    side: str
    stages: tuple[int, ...]

    def statement(self, study: int, rng: np.random.Generator) -> Statement:
        """Return what one study says of the finding.

        Args:
            study: Its number, from 0.
            rng: Chooses among phrasings.
        """
        now, before = self.stages[study], self.stages[study - 1] if study else None
        change = _change(before, now)
        if not now and not change:
            denied = self._sentence("absent", now, rng) if rng.random() < 0.5 else ""
            return Statement(0 if denied else None, denied, "", "")
        shown = self._filled(self.words["shown"], now) if now else ""
        return Statement(int(now > 0), self._sentence(change or "first", now, rng), shown, change)

    def _sentence(self, which: str, stage: int, rng: np.random.Generator) -> str:
        phrasings = self.words[which]
        return self._filled(phrasings[int(rng.integers(len(phrasings)))], stage)

    def _filled(self, text: str, stage: int) -> str:
        stages = self.words["stages"]
        filled = text.replace("<stage>", stages[max(stage, 1) - 1]).replace("<side>", self.side)
        return filled[:1].upper() + filled[1:]


def invent_moments(rng: np.random.Generator) -> list[datetime]:
    """Return when a patient's two to five studies were made: hours, days or months apart."""
    first = datetime(FIRST_YEAR, 1, 1) + timedelta(minutes=int(rng.integers(YEARS * 525_600)))
    moments = [first]
    for _ in range(int(rng.integers(1, MOST_STUDIES))):
        hours = (12, 72, 24 * 30, 24 * 400)[int(rng.integers(4))]
        moments.append(moments[-1] + timedelta(minutes=int(rng.integers(hours * 15, hours * 60))))
    return moments


def invent_courses(
    material: Mapping[str, Any], moments: Sequence[datetime], rng: np.random.Generator
) -> list[Course]:
    """Invent what happens to three findings of a patient.

    Args:
        material: Words by observation.
        moments: When the studies were made; within two days a finding more often stays as it is.
        rng: Source of all choices.
    """
    names = list(material)
    return [
        Course(
            name,
            material[name],
            ("left", "right")[int(rng.integers(2))],
            tuple(_stages(len(material[name]["stages"]), bool(material[name].get("stable")), moments, rng)),
        )
        for name in (names[place] for place in rng.permutation(len(names))[:3])
    ]


def _stages(count: int, stable: bool, moments: Sequence[datetime], rng: np.random.Generator) -> Iterator[int]:
    stage = int(rng.integers(count + 1))
    yield stage
    for earlier, later in pairwise(moments):
        stays = stable or rng.random() < (0.5 if later - earlier < timedelta(days=2) else 0.25)
        if not stays:
            others = [other for other in range(count + 1) if other != stage]
            stage = others[int(rng.integers(len(others)))]
        yield stage


def _change(before: int | None, now: int) -> str:
    if before is None or before == now == 0:
        return ""
    if before == now:
        return "unchanged"
    if before == 0 or now == 0:
        return "resolved" if before else "new"
    return "worsened" if now > before else "improved"
