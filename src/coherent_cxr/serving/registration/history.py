"""Every move of the champion's alias, kept with the registered model: what a rollback goes back along."""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple

PREFIX = "champion_history."
"""Tags of the registered model, numbered from 0001."""
LONGEST_REASON = 1_000


class Move(NamedTuple):
    """One move of the alias.

    Attributes:
        version: Which version became champion.
        previous: The champion before it; None if there was none.
        reason: Why.
        when: In UTC (ISO 8601, seconds).
        by: The rule of registration, a person's promotion, or a rollback.
    """

    version: str
    previous: str | None
    reason: str
    when: str
    by: Literal["rule", "promotion", "rollback"]


def moves_of(model: Any) -> list[Move]:
    """Return the moves that a registered model remembers, oldest first.

    Args:
        model: From MLflow's client. What somebody else wrote into its tags is passed over.
    """
    found = []
    for key in sorted(key for key in model.tags if key.startswith(PREFIX)):
        try:
            found.append(Move(**json.loads(model.tags[key])))
        except (TypeError, ValueError):
            continue
    return found


def remember(client: Any, name: str, move: Move) -> None:
    """Add a move to a registered model.

    Args:
        client: The registry.
        name: Registered model.
        move: What was done; of a longer reason the beginning is kept.
    """
    tags = client.get_registered_model(name).tags
    numbers = [int(key.removeprefix(PREFIX)) for key in tags if key.removeprefix(PREFIX).isdecimal()]
    kept = move._replace(reason=move.reason[:LONGEST_REASON])._asdict()
    client.set_registered_model_tag(name, f"{PREFIX}{max(numbers, default=0) + 1:04}", json.dumps(kept))


def earlier_champion(moves: list[Move], champion: str | None) -> str | None:
    """Return the champion before the present one; a version that was rolled back is none.

    Args:
        moves: Oldest first.
        champion: The version that bears the alias now; None if none does.

    Returns:
        Its version, or None if no earlier one is remembered.
    """
    line: list[str] = []
    for move in moves:
        if move.by == "rollback":
            while line and line[-1] != move.version:
                line.pop()
            line = line or [move.version]
            continue
        if move.previous is not None and (not line or line[-1] != move.previous):
            line.append(move.previous)
        line.append(move.version)
    earlier = [version for version in line if version != champion]
    return earlier[-1] if earlier else None
