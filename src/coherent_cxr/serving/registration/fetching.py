"""Registered models by their address: the bundle of one, and its validation numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from coherent_cxr.models.manifest import require_digest
from coherent_cxr.serving.registration.registry import BUNDLE, DIGEST, DRIFT_REFERENCE
from coherent_cxr.tracking.addresses import masked, sqlite_path
from coherent_cxr.tracking.prepare import check


class ModelNotFoundError(LookupError):
    """A model address that leads to no bundle; the message says what to do."""


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
