"""Model versions in an MLflow registry: registering one, promoting it, fetching it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import coherent_cxr
from coherent_cxr.serving.selection import ModelRegistrationConfig, Standing, promote
from coherent_cxr.tracking.addresses import masked, sqlite_path
from coherent_cxr.tracking.prepare import check

if TYPE_CHECKING:
    from coherent_cxr.models.bundle import ModelBundle

ALIAS = "champion"
BUNDLE = "bundle"
REQUIREMENTS = (
    "jinja2",
    "mlflow",
    "numpy",
    "pandas",
    "pillow",
    "pyahocorasick",
    "pyarrow",
    "pydantic",
    "pyyaml",
    "safetensors",
    "scikit-learn",
    "scipy",
    "torch",
    "torchvision",
    "tqdm",
)
"""What the registered model needs beside its own code."""


class ModelNotFoundError(LookupError):
    """A model address that leads to no bundle; the message says what to do."""


def register(
    config: ModelRegistrationConfig, bundle: ModelBundle, validation: Mapping[str, Any], card: str
) -> dict[str, Any]:
    """Log a model to the active MLflow run, register it, and move the alias if it has earned it.

    A model whose weights are registered already keeps its version, which gets the new score and card.

    Args:
        config: Name and promotion rule.
        bundle: The model.
        validation: What :func:`coherent_cxr.serving.scoring.score_candidates` returned.
        card: Model card, Markdown; it becomes the version's description and an artifact of the run.

    Returns:
        JSON: name, version, system, score, digest of the weights, alias, whether the alias moved, and why.
    """
    import mlflow

    client = mlflow.MlflowClient()
    system = str(validation["candidate"])
    champion = _standing(client, config.name)
    candidate = Standing(
        version=_version_of(client, config.name, bundle.digest) or _log_version(config.name, bundle),
        score=float(validation["systems"][system]["score"]),
        rule=str(validation["rule"]),
        data_digest=str(validation["validation_digest"]),
    )
    tags = {
        "system": system,
        "selection_score": repr(candidate.score),
        "selection_rule": candidate.rule,
        "validation_digest": candidate.data_digest,
        "weights_digest": bundle.digest,
    }
    for key, value in tags.items():
        client.set_model_version_tag(config.name, candidate.version, key, value)
    client.update_model_version(config.name, candidate.version, description=card)
    run = mlflow.active_run()
    if run is not None:
        client.log_text(run.info.run_id, card, "model_card.md")
    promotion = promote(candidate, champion, config.on_other_data)
    if promotion.moved:
        client.set_registered_model_alias(config.name, ALIAS, candidate.version)
    return {
        "name": config.name,
        "version": candidate.version,
        "system": system,
        "selection_score": candidate.score,
        "weights_digest": bundle.digest,
        "alias": ALIAS,
        "alias_moved": promotion.moved,
        "reason": promotion.reason,
    }


def _log_version(name: str, bundle: ModelBundle) -> str:
    import mlflow

    with tempfile.TemporaryDirectory() as folder:
        bundle.save(Path(folder) / BUNDLE)
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(Path(__file__).with_name("mlflow_model.py")),
            artifacts={BUNDLE: str(Path(folder) / BUNDLE)},
            code_paths=[str(Path(coherent_cxr.__file__).parent)],
            pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
            registered_model_name=name,
        )
    return str(logged.registered_model_version)


def _version_of(client: Any, name: str, digest: str) -> str | None:
    """Return the newest version with these weights whose files are still there."""
    for found in client.search_model_versions(f"name = '{name}' and tags.weights_digest = '{digest}'"):
        place = urlsplit(client.get_model_version_download_uri(name, found.version))
        if place.scheme not in ("", "file") or Path(unquote(place.path)).is_dir():
            return str(found.version)
    return None


def fetch_bundle_folder(uri: str, tracking_uri: str) -> Path:
    """Return the local folder of a registered model's bundle, fetched if it lies elsewhere.

    Args:
        uri: ``models:/<name>@<alias>`` or ``models:/<name>/<version>``.
        tracking_uri: Where the registry is.

    Raises:
        ModelNotFoundError: If there is no such registry, model, alias or version.
        TrackingError: If the registry's server does not answer, or its database is damaged.
    """
    path = sqlite_path(tracking_uri)
    if path is not None and not path.exists():
        raise ModelNotFoundError(
            f"There is no tracking database '{path}'. Run `kedro run` in the project first, or name a "
            "database with --tracking-uri, or a model bundle's folder with --model."
        )
    check(tracking_uri)
    import mlflow
    from mlflow.exceptions import MlflowException

    mlflow.set_tracking_uri(tracking_uri)
    try:
        folder = mlflow.artifacts.download_artifacts(_place(mlflow.MlflowClient(), uri))
    except (MlflowException, OSError) as error:
        raise ModelNotFoundError(
            masked(
                f"The model '{uri}' cannot be fetched from {tracking_uri} ({error}). Run "
                "`kedro run --pipelines model_registration` to register one."
            )
        ) from error
    return Path(folder) / "artifacts" / BUNDLE


def _place(client: Any, uri: str) -> str:
    """Return where the files of a version are; by a model's address, MLflow would write into that folder."""
    alias = re.fullmatch(r"models:/([^/@]+)@([^/@]+)", uri)
    number = re.fullmatch(r"models:/([^/@]+)/([0-9]+)", uri)
    if alias:
        found = client.get_model_version_by_alias(*alias.groups())
        return str(client.get_model_version_download_uri(found.name, found.version))
    return str(client.get_model_version_download_uri(*number.groups())) if number else uri


def _standing(client: Any, name: str) -> Standing | None:
    from mlflow.exceptions import MlflowException

    try:
        champion = client.get_model_version_by_alias(name, ALIAS)
    except MlflowException:  # no such model or alias yet
        return None
    return Standing(
        version=str(champion.version),
        score=float(champion.tags.get("selection_score", "-inf")),
        rule=champion.tags.get("selection_rule", ""),
        data_digest=champion.tags.get("validation_digest", ""),
    )
