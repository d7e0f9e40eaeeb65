"""The one colour table of pages and figures; a test holds it apart for colour-blind readers, too."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

GENERATORS: Final = {
    "mle": "#0b5fa5",
    "mle decided": "#6cc0f0",
    "nlg": "#e8a300",
    "ccr": "#006b54",
    "full": "#b23c00",
    "full_fbeta": "#4b1d5e",
}
"""This project's generators; each keeps its colour in every table and figure."""
BASELINE: Final = "#8a94a3"
"""Systems that generators are compared with."""
OUTCOMES: Final = {"found": "#0072b2", "missed": "#c04a00", "invented": "#f0b400"}
"""A finding of the reference that a report has too or lacks, and one that the reference lacks."""
LINES: Final = ("#0b5fa5", "#e8a300", "#b23c00", "#006b54", "#4b1d5e", "#6cc0f0", "#6b7480")
"""Lines of a figure that are no systems, in their order."""
RAMP: Final = ((255, 247, 188), (254, 153, 41), (153, 52, 4))
"""Attention from little to much: red, green, blue of three stops."""


def system_colours(systems: Iterable[str], baselines: Collection[str] = ()) -> dict[str, str]:
    """Return the colour of every system.

    A variant of a generator ("full decided") without a colour of its own has that of its generator; other
    systems take the colours that are left, in order, and start again when there are none.

    Args:
        systems: Names.
        baselines: Those that are shown in grey.
    """
    names = list(dict.fromkeys(systems))
    known = {name: colour for name in names if (colour := _known(name)) and name not in baselines}
    left = [colour for colour in LINES[:-1] if colour not in known.values()] or list(LINES[:-1])
    others = [name for name in names if name not in known and name not in baselines]
    spare = {name: left[place % len(left)] for place, name in enumerate(others)}
    return {name: BASELINE if name in baselines else known.get(name) or spare[name] for name in names}


def _known(name: str) -> str | None:
    return GENERATORS.get(name) or GENERATORS.get(name.split(" ")[0])
