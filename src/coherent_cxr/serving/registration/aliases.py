"""The aliases of a registered model: which version is champion, and which alias a new one gets.

An MLflow registry cannot compare and set in one step, so the alias is read, set and read back:

- Registries in a local SQLite file: a lock file beside it makes runs of this machine take turns, so none sets
  the alias on what it read before another moved it.
- Registries behind a server: nothing shuts other machines out. The alias is read back after it was set; if
  another run's version is there by then, the decision is made again against that version. Two runs that read
  and set in the same moment can still leave the worse of their two versions; it beat the champion both read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from mlflow.exceptions import MlflowException

from coherent_cxr.serving.registration.history import Move, remember
from coherent_cxr.serving.registration.selection import Promotion, RegistryEntry, promote
from coherent_cxr.storage.exclusive import sole_holder
from coherent_cxr.tracking.addresses import TrackingError, masked, sqlite_path

CHAMPION, CHALLENGER = "champion", "challenger"
ATTEMPTS = 5
QUOTED = 200
REMEDY = (
    f"Whether there is a champion is unknown, so the alias '{CHAMPION}' was left where it is. When the "
    "registry answers again, run `kedro run --pipelines model_registration`."
)
T = TypeVar("T")


class RegistryError(TrackingError):
    """A registry that does not answer as it should; the message says what was and what was not done."""


def champion_of(client: Any, name: str, remedy: str = REMEDY) -> RegistryEntry | None:
    """Return the version that bears the champion's alias, or None if there is no such model or alias.

    Args:
        client: The registry.
        name: Registered model.
        remedy: What to do if the registry fails.

    Raises:
        RegistryError: If the registry fails otherwise: then nothing is known of a champion.
    """
    model = if_there(name, lambda: client.get_registered_model(name), remedy)
    number = None if model is None else dict(model.aliases).get(CHAMPION)
    if number is None:
        return None
    version = if_there(name, lambda: client.get_model_version(name, number), remedy)
    if version is None:
        return None
    return RegistryEntry(
        version=str(version.version),
        score=_number(version.tags.get("selection_score")),
        rule=version.tags.get("selection_rule", ""),
        data_digest=version.tags.get("validation_digest", ""),
        weights_digest=version.tags.get("weights_digest", ""),
    )


def settle(
    client: Any, registry: str, name: str, candidate: RegistryEntry, on_other_data: str
) -> tuple[str, Promotion]:
    """Set the alias that a version has earned.

    Args:
        client: The registry.
        registry: Its address.
        name: Registered model.
        candidate: The version, registered and with its tags.
        on_other_data: See :func:`~coherent_cxr.serving.registration.selection.promote`.

    Returns:
        The alias that the version bears now, and the decision about the champion.

    Raises:
        RegistryError: If the registry fails, or other runs keep moving the alias.
    """
    with taking_turns(registry):
        for _ in range(ATTEMPTS):
            champion = champion_of(client, name)
            promotion = promote(candidate, champion, on_other_data)
            if champion is not None and champion.version == candidate.version:
                return CHAMPION, promotion
            alias = CHAMPION if promotion.moved else CHALLENGER
            done(name, lambda: client.set_registered_model_alias(name, alias, candidate.version))  # noqa: B023 - called at once
            if alias == CHALLENGER:
                return alias, promotion
            now = champion_of(client, name)
            if now is not None and now.version == candidate.version:
                before = None if champion is None else champion.version
                when = datetime.now(UTC).isoformat(timespec="seconds")
                move = Move(candidate.version, before, promotion.reason, when, "rule")
                done(name, lambda: _record(client, name, move))  # noqa: B023 - called at once
                return alias, promotion
    raise RegistryError(
        f"Other runs keep moving the alias '{CHAMPION}' of '{name}', so version {candidate.version} was "
        "registered without an alias. Run `kedro run --pipelines model_registration` again later."
    )


def _record(client: Any, name: str, move: Move) -> None:
    remember(client, name, move)
    if str(dict(client.get_registered_model(name).aliases).get(CHALLENGER)) == move.version:
        client.delete_registered_model_alias(name, CHALLENGER)  # it would be compared with itself


@contextmanager
def taking_turns(registry: str) -> Iterator[None]:
    """Wait for other runs of this machine that settle aliases in the same local registry; see the module."""
    database = sqlite_path(registry)
    if database is None:
        yield
        return
    with sole_holder(database.with_name(f".{database.name}.aliases.lock"), "the model registry"):
        yield


def if_there(name: str, ask: Callable[[], T], remedy: str = REMEDY) -> T | None:
    """Ask a registry for something; None if it says that there is no such thing.

    Args:
        name: Registered model.
        ask: The question.
        remedy: What to do if the registry fails.

    Raises:
        RegistryError: If it fails otherwise.
    """
    try:
        return done(name, ask, remedy)
    except RegistryError as error:
        if getattr(error.__cause__, "error_code", "") == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise


def done(name: str, ask: Callable[[], T], remedy: str = REMEDY) -> T:
    """Do something in a registry.

    Args:
        name: Registered model.
        ask: What to do.
        remedy: What to do if the registry fails.

    Raises:
        RegistryError: If it fails.
    """
    try:
        return ask()
    except (MlflowException, OSError) as error:
        raise RegistryError(
            f"The model registry did not answer about '{name}' ({masked(str(error))[:QUOTED]}). {remedy}"
        ) from error


def _number(tag: str | None) -> float:
    try:
        return float(tag or "nan")
    except ValueError:
        return float("nan")
