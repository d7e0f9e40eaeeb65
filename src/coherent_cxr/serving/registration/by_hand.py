"""Promotion and rollback by a person, with a written reason."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from coherent_cxr.serving.registration.aliases import CHALLENGER, CHAMPION, champion_of, done, taking_turns
from coherent_cxr.serving.registration.cards.markdown import plain
from coherent_cxr.serving.registration.history import (
    LONGEST_REASON,
    Move,
    earlier_champion,
    moves_of,
    remember,
)
from coherent_cxr.serving.registration.selection import COLLAPSED, NOT_COLLAPSED

REMEDY = "Nothing was moved by this command; try it again when the registry answers."


class MoveRefusedError(ValueError):
    """A move of the champion's alias that is not made; the message says why and what to do."""


class Moved(NamedTuple):
    """A move that was made.

    Attributes:
        move: What was done.
        warning: What nobody knows about the version; empty if nothing.
    """

    move: Move
    warning: str = ""


def promote_by_hand(client: Any, registry: str, name: str, version: str, reason: str) -> Moved:
    """Make a version the champion because a person says so.

    A challenger that becomes champion hands its alias to the former champion, so that the two can still be
    compared.

    Args:
        client: The registry.
        registry: Its address.
        name: Registered model.
        version: Its number, or ``challenger``.
        reason: Why, in words.

    Raises:
        MoveRefusedError: If there is no such version, it has collapsed, its files are gone, it is champion
            already, or the reason is empty or too long.
        RegistryError: If the registry fails.
    """
    reason = _written(reason)
    with taking_turns(registry):
        model = _model(client, name)
        target = _version(client, name, model, version)
        return _move(client, name, model, target, reason, "promotion")


def roll_back(client: Any, registry: str, name: str, reason: str) -> Moved:
    """Make the previous champion the champion again.

    Args:
        client: The registry.
        registry: Its address.
        name: Registered model.
        reason: Why, in words.

    Raises:
        MoveRefusedError: If no earlier champion is remembered, or that version cannot be champion.
        RegistryError: If the registry fails.
    """
    reason = _written(reason)
    with taking_turns(registry):
        model = _model(client, name)
        champion = dict(model.aliases).get(CHAMPION)
        number = earlier_champion(moves_of(model), None if champion is None else str(champion))
        if number is None:
            raise MoveRefusedError(
                f"'{name}' remembers no earlier champion, so there is nothing to go back to. Name a version "
                "with `coherent-cxr promote VERSION --reason TEXT`."
            )
        target = _version(client, name, model, number)
        return _move(client, name, model, target, reason, "rollback")


def _move(
    client: Any, name: str, model: Any, target: Any, reason: str, by: Literal["promotion", "rollback"]
) -> Moved:
    number = str(target.version)
    champion = champion_of(client, name, REMEDY)
    before = None if champion is None else champion.version
    if before == number:
        raise MoveRefusedError(f"Version {number} of '{name}' is the champion already.")
    warning = _may_be_champion(client, name, target)
    done(name, lambda: client.set_registered_model_alias(name, CHAMPION, number), REMEDY)
    now = champion_of(client, name, REMEDY)
    if now is None or now.version != number:
        raise MoveRefusedError(
            f"Another run moved the alias '{CHAMPION}' of '{name}' at the same time. See which version bears "
            "it now, and type the command again if it is still wanted."
        )
    move = Move(number, before, reason, datetime.now(UTC).isoformat(timespec="seconds"), by)
    done(name, lambda: _record(client, name, model, target, move), "The alias was moved, its record was not.")
    return Moved(move, warning)


def _record(client: Any, name: str, model: Any, target: Any, move: Move) -> None:
    remember(client, name, move)
    if str(dict(model.aliases).get(CHALLENGER)) == move.version:
        if move.previous is None:
            client.delete_registered_model_alias(name, CHALLENGER)
        else:
            client.set_registered_model_alias(name, CHALLENGER, move.previous)
    tags = {"since": move.when, "reason": move.reason, "previous": move.previous or "none", "by": move.by}
    for key, value in tags.items():
        client.set_model_version_tag(name, move.version, f"champion_{key}", value)
    word = "Promoted by hand" if move.by == "promotion" else "Champion again by a rollback"
    instead = f" instead of version {move.previous}" if move.previous else ""
    line = f"{word} on {move.when}{instead}: {plain(move.reason, LONGEST_REASON)}"
    client.update_model_version(
        name, move.version, description=f"{target.description or ''}\n\n{line}".strip()
    )


def _may_be_champion(client: Any, name: str, target: Any) -> str:
    from coherent_cxr.serving.registration.registry import has_files

    collapsed = target.tags.get(COLLAPSED)
    if collapsed not in (None, NOT_COLLAPSED):
        raise MoveRefusedError(
            f"Version {target.version} of '{name}' cannot be champion, by no one's word: {collapsed} Train "
            "it anew, or promote another version."
        )
    if not done(name, lambda: has_files(client, name, str(target.version)), REMEDY):
        raise MoveRefusedError(
            f"The files of version {target.version} of '{name}' are gone, so it could write no report. "
            "Promote another version."
        )
    if collapsed is None:
        return (
            f"Version {target.version} was registered before collapse was recorded, so whether it has "
            "collapsed to the normal report is unknown. See its model card."
        )
    return ""


def _model(client: Any, name: str) -> Any:
    from coherent_cxr.serving.registration.aliases import if_there

    model = if_there(name, lambda: client.get_registered_model(name), REMEDY)
    if model is None:
        raise MoveRefusedError(
            f"The registry has no model '{name}'. Run `kedro run --pipelines model_registration` to register "
            "one, or name another with --name."
        )
    return model


def _version(client: Any, name: str, model: Any, version: str) -> Any:
    from coherent_cxr.serving.registration.aliases import if_there

    number = str(dict(model.aliases).get(CHALLENGER, "")) if version == CHALLENGER else version
    found = None
    if number.isdecimal() and number.isascii() and len(number) < 10:
        found = if_there(name, lambda: client.get_model_version(name, number), REMEDY)
    if found is None:
        known = done(name, lambda: client.search_model_versions(f"name = '{name}'"), REMEDY)
        numbers = sorted(int(one.version) for one in known)[-20:]
        there = f"There are: {', '.join(map(str, numbers))}." if numbers else "It has no version at all."
        raise MoveRefusedError(f"'{name}' has no version '{version[:50]}'. {there}")
    return found


def _written(reason: str) -> str:
    words = " ".join(reason.split())
    if not any(character.isalnum() for character in words):
        raise MoveRefusedError(
            "The reason is empty. Say in words why the champion changes; it is kept with the version."
        )
    if len(words) > LONGEST_REASON:
        raise MoveRefusedError(
            f"The reason has {len(words):,} characters; at most {LONGEST_REASON:,} are kept. Shorten it."
        )
    return words
