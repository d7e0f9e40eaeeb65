"""What an attack did, counted, and the table of all attacks."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

MEGABYTES = 1000
"""Memory that no try may need, with the libraries that are loaded."""
SECONDS = 20
"""Processor time that no try may need."""
COLUMNS = ("attack", "tries", "of", "crashes", "hangs", "over 1 GB", "wrong", "most MB", "seconds", "seed")
FAULTS = ("crash", "hang", "memory", "wrong")
SHOWN = 20


@dataclass
class Tally:
    """Counts of one kind of attack.

    Attributes:
        attack: Its name.
        goal: Tries that were wanted.
        seed: What the tries were drawn from.
        tries: Those made.
        faults: (kind of fault, number of the try, what happened).
        megabytes: The most memory that a try needed.
        seconds: Time of all tries by the clock.
        stopped: Whether the time was over before the goal was reached.
    """

    attack: str
    goal: int
    seed: int
    tries: int = 0
    faults: list[tuple[str, int, str]] = field(default_factory=list)
    megabytes: int = 0
    seconds: float = 0.0

    def rounds(self, numbers: Iterable[int], seconds: float) -> Iterator[int]:
        """Yield the numbers of tries until enough are made or the time is over, and take the time."""
        begin = time.monotonic()
        for number in numbers:
            if self.tries >= self.goal or self.seconds > seconds:
                return
            yield number
            self.seconds = time.monotonic() - begin

    def add(self, fault: str, number: int, what: str) -> None:
        """Count a fault of a try."""
        self.faults.append((fault, number, what))
        print(f"{self.attack}:{number} {fault} {what[-2000:]}", file=sys.stderr, flush=True)

    def note(self, number: int, megabytes: int, limit: int = MEGABYTES) -> None:
        """Count the memory of a try."""
        self.megabytes = max(self.megabytes, megabytes)
        if megabytes > limit:
            self.add("memory", number, f"{megabytes} MB")

    def row(self) -> tuple[object, ...]:
        """Return the line of the table."""
        counts = [sum(kind == fault for kind, _, _ in self.faults) for fault in FAULTS]
        return (
            self.attack,
            self.tries,
            self.goal,
            *counts,
            self.megabytes or "-",
            round(self.seconds),
            self.seed,
        )


def table(batch_statistic_names: list[Tally]) -> str:
    """Return the table of all attacks, and below it every fault with what repeats it."""
    rows = [tuple(map(str, COLUMNS)), *(tuple(map(str, tally.row())) for tally in batch_statistic_names)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(COLUMNS))]
    lines = [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    for tally in batch_statistic_names:
        for fault, number, what in tally.faults[:SHOWN]:
            lines += [
                "",
                f"{fault}: ATTACK_SEED={tally.seed} ATTACK_ONLY={tally.attack}:{number}",
                what[-2000:],
            ]
        if len(tally.faults) > SHOWN:
            lines.append(f"... and {len(tally.faults) - SHOWN} more of {tally.attack}")
    return "\n".join(lines)
