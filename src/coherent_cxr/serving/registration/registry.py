"""Model versions in an MLflow registry: registering one, promoting it, fetching it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

import coherent_cxr
from coherent_cxr.models.manifest import manifest_digest, require_digest
from coherent_cxr.serving.registration.model_card import description
from coherent_cxr.serving.registration.requirements import pinned_requirements
from coherent_cxr.serving.registration.selection import (
    COLLAPSED,
    NOT_COLLAPSED,
    ModelRegistrationConfig,
    Promotion,
    RegistryEntry,
)
from coherent_cxr.tracking.addresses import masked, sqlite_path
from coherent_cxr.tracking.prepare import check

if TYPE_CHECKING:
    from coherent_cxr.models.bundle import ModelBundle

BUNDLE = "bundle"
MODEL_CARD, CHAI_CARD = "model_card.md", "chai_model_card.xml"
DRIFT_REFERENCE = "drift_reference.csv"
"""File of a version's validation numbers, and its tag that says where they are."""
DIGEST = "bundle_digest"
"""Tag of a version and key of a logged model's configuration: the SHA-256 of the bundle's manifest."""


class ModelNotFoundError(LookupError):
    """A model address that leads to no bundle; the message says what to do."""


class Registered(NamedTuple):
    """A registered version.

    Attributes:
        record: JSON: name, version, system, score, rule set, digest of the weights, the alias it bears
            (``champion`` or ``challenger``), whether the champion's alias moved to it, and why.
        card: Its model card, Markdown.
        files: The card in other forms, by file name.
    """

    record: dict[str, Any]
    card: str
    files: dict[str, str]


def register(
    config: ModelRegistrationConfig,
    bundle: ModelBundle,
    validation: Mapping[str, Any],
    write_card: Callable[[str, Promotion], str],
    write_files: Callable[[str, dict[str, Any]], dict[str, str]] | None = None,
) -> Registered:
    """Log a model to the active MLflow run, register it, and give it the alias it has earned.

    A model whose bundle is registered already keeps its version, which gets the new score and card.

    Args:
        config: Name and promotion rule.
        bundle: The model.
        validation: What :func:`coherent_cxr.serving.registration.scoring.score_candidates` returned.
        write_card: Writes the model card from the alias and the decision about the champion; it becomes the
            version's description.
        write_files: Writes the card's other forms and the validation numbers from the card and the record, by
            file name; they become artifacts of the run. Without it there is the card alone.

    Raises:
        RegistryError: If the registry fails; before anything is registered, if it fails at once.
    """
    import mlflow

    from coherent_cxr.serving.registration.aliases import champion_of, settle, taking_turns

    client = mlflow.MlflowClient()
    system = str(validation["candidate"])
    champion_of(client, config.name)  # a registry that does not answer stops before anything is stored there
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / BUNDLE
        bundle.save(folder)
        digest = manifest_digest(folder)
        with taking_turns(mlflow.get_registry_uri()):  # or two runs would register the same bundle twice
            known = _version_of(client, config.name, digest)
            number = known or _log_version(client, config.name, folder, digest)
    candidate = RegistryEntry(
        version=number,
        score=float(validation["systems"][system]["score"]),
        rule=str(validation["rule"]),
        data_digest=str(validation["validation_digest"]),
        why_not=_why_not(system, validation),
        weights_digest=bundle.digest,
    )
    tags = {
        "system": system,
        "selection_score": repr(candidate.score),
        "selection_rule": candidate.rule,
        "validation_digest": candidate.data_digest,
        "label_rules": str(validation["label_rules"]),
        "weights_digest": candidate.weights_digest,
        COLLAPSED: " ".join(validation["assessments"][system].get("collapsed", ())) or NOT_COLLAPSED,
        DIGEST: digest,
    }
    for key, value in tags.items():
        client.set_model_version_tag(config.name, candidate.version, key, value)
    registry = mlflow.get_registry_uri()
    alias, promotion = settle(client, registry, config.name, candidate, config.on_other_data)
    card = write_card(alias, promotion)
    client.update_model_version(config.name, candidate.version, description=card)
    client.update_registered_model(config.name, description=description(config.licence))
    record = {
        "name": config.name,
        "version": candidate.version,
        "system": system,
        "selection_score": candidate.score,
        "label_rules": str(validation["label_rules"]),
        "weights_digest": bundle.digest,
        DIGEST: digest,
        "alias": alias,
        "alias_moved": promotion.moved,
        "reason": promotion.reason,
    }
    files = {MODEL_CARD: card} if write_files is None else write_files(card, record)
    run = mlflow.active_run()
    if run is not None:
        for file, text in files.items():
            client.log_text(run.info.run_id, text, file)
        if DRIFT_REFERENCE in files:
            place = f"runs:/{run.info.run_id}/{DRIFT_REFERENCE}"
            client.set_model_version_tag(config.name, candidate.version, DRIFT_REFERENCE, place)
    return Registered(record, card, files)


def _why_not(system: str, validation: Mapping[str, Any]) -> str:
    """Say why a system cannot be champion whatever the present one scored; nothing if it can."""
    reasons = list(validation["assessments"][system]["reasons"])
    chosen = validation["by_rule"]
    if not reasons and chosen != system:
        reasons.append(
            f"It was named in model_registration.candidate; by the rule '{chosen}' is ahead of it."
        )
    return " ".join(reasons)


def _log_version(client: Any, name: str, folder: Path, digest: str) -> str:
    import mlflow

    logged = mlflow.pyfunc.log_model(
        name="model",
        python_model=str(Path(__file__).parents[1] / "mlflow_model.py"),
        artifacts={BUNDLE: str(folder)},
        code_paths=[str(Path(coherent_cxr.__file__).parent)],
        pip_requirements=pinned_requirements(),
        model_config={DIGEST: digest},
        registered_model_name=name,
    )
    number = str(logged.registered_model_version)
    client.set_model_version_tag(name, number, DIGEST, digest)
    return number


def _version_of(client: Any, name: str, digest: str) -> str | None:
    """Return the newest version with this bundle whose files are still there."""
    for found in client.search_model_versions(f"name = '{name}' and tags.{DIGEST} = '{digest}'"):
        if has_files(client, name, str(found.version)):
            return str(found.version)
    return None


def has_files(client: Any, name: str, version: str) -> bool:
    """Whether the files of a version are there; of those on another machine nothing is known, so true.

    Args:
        client: The registry.
        name: Registered model.
        version: Its number.
    """
    place = urlsplit(client.get_model_version_download_uri(name, version))
    return place.scheme not in ("", "file") or Path(unquote(place.path)).is_dir()


class Fetched(NamedTuple):
    """A bundle on this machine.

    Attributes:
        folder: Its folder.
        version: Number of the registered version.
    """

    folder: Path
    version: str


def fetch_bundle_folder(uri: str, tracking_uri: str) -> Path:
    """Return the local folder of a registered model's bundle; see :func:`fetch_bundle`."""
    return fetch_bundle(uri, tracking_uri).folder


def fetch_bundle(uri: str, tracking_uri: str) -> Fetched:
    """Find a registered model's bundle, and fetch it if it lies elsewhere.

    Args:
        uri: ``models:/<name>@<alias>`` or ``models:/<name>/<version>``.
        tracking_uri: Where the registry is.

    Raises:
        ModelNotFoundError: If there is no such registry, model, alias or version.
        TrackingError: If the registry's server does not answer, or its database is damaged.
        BundleError: If the bundle is not the one that was registered.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    client = _client(tracking_uri)
    try:
        version = _version_at(client, uri)
        place = client.get_model_version_download_uri(version.name, version.version)
        folder = Path(mlflow.artifacts.download_artifacts(place)) / "artifacts" / BUNDLE
    except (MlflowException, OSError) as error:
        raise ModelNotFoundError(
            masked(
                f"The model '{uri}' cannot be fetched from {tracking_uri} ({error}). " + _remedy(client, uri)
            )
        ) from error
    require_digest(folder, version.tags.get(DIGEST))
    return Fetched(folder, str(version.version))


def fetch_drift_reference(uri: str, tracking_uri: str) -> Path:
    """Find the validation numbers of a registered model.

    Args:
        uri: ``models:/<name>@<alias>`` or ``models:/<name>/<version>``.
        tracking_uri: Where the registry is.

    Raises:
        ModelNotFoundError: If there is no such registry, model, alias or version, or it has none.
        TrackingError: If the registry's server does not answer, or its database is damaged.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    client = _client(tracking_uri)
    try:
        version = _version_at(client, uri)
        place = version.tags.get(DRIFT_REFERENCE)
        if place is not None:
            return Path(mlflow.artifacts.download_artifacts(place))
    except (MlflowException, OSError) as error:
        raise ModelNotFoundError(
            masked(f"The validation numbers of '{uri}' cannot be fetched from {tracking_uri} ({error}).")
        ) from error
    raise ModelNotFoundError(
        f"No validation numbers were kept with '{uri}': it was registered by an earlier version. Register it "
        "again, or name a drift log of validation studies with --reference."
    )


def _client(tracking_uri: str) -> Any:
    path = sqlite_path(tracking_uri)
    if path is not None and not path.exists():
        raise ModelNotFoundError(
            f"There is no tracking database '{path}'. Run `kedro run` in the project first, or name a "
            "database with --tracking-uri, or a model bundle's folder with --model."
        )
    check(tracking_uri)
    import mlflow

    mlflow.set_tracking_uri(tracking_uri)
    return mlflow.MlflowClient()


def _remedy(client: Any, uri: str) -> str:
    """Name the challenger where no version has become champion yet, else the stage that registers one."""
    from mlflow.exceptions import MlflowException

    from coherent_cxr.serving.registration.aliases import CHALLENGER, CHAMPION

    name = uri.removeprefix("models:/").removesuffix(f"@{CHAMPION}")
    try:
        aliases = dict(client.get_registered_model(name).aliases)
    except MlflowException:
        aliases = {}
    if CHALLENGER in aliases and CHAMPION not in aliases:
        return (
            "No version of it has earned that alias; its description says why. The last one registered is "
            f"'models:/{name}@{CHALLENGER}'."
        )
    return "Run `kedro run --pipelines model_registration` to register one."


def _version_at(client: Any, uri: str) -> Any:
    """Return the version at an address; by the address itself, MLflow would write into its folder."""
    alias = re.fullmatch(r"models:/([^/@]+)@([^/@]+)", uri)
    number = re.fullmatch(r"models:/([^/@]+)/([0-9]+)", uri)
    if alias:
        return client.get_model_version_by_alias(*alias.groups())
    if number:
        return client.get_model_version(*number.groups())
    raise ModelNotFoundError(
        f"'{uri}' is no address of a registered model. Name models:/<name>@<alias> or "
        "models:/<name>/<version>."
    )
