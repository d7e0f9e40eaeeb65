"""Registering a model: its files, its version, its tags, and the alias that it has earned."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

import coherent_cxr
from coherent_cxr.models.manifest import manifest_digest
from coherent_cxr.serving.registration.cards.model_card import description
from coherent_cxr.serving.registration.requirements import pinned_requirements
from coherent_cxr.serving.registration.selection import (
    COLLAPSED,
    NOT_COLLAPSED,
    ModelRegistrationConfig,
    Promotion,
    RegistryEntry,
)

if TYPE_CHECKING:
    from coherent_cxr.models.bundle import ModelBundle

BUNDLE = "bundle"
MODEL_CARD, CHAI_CARD = "model_card.md", "chai_model_card.xml"
DRIFT_REFERENCE = "drift_reference.csv"
"""File of a version's validation numbers, and its tag that says where they are."""
DIGEST = "bundle_digest"
"""Tag of a version and key of a logged model's configuration: the SHA-256 of the bundle's manifest."""


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
