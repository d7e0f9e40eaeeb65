"""Opening a model by what people call it: a registered version, an alias, or a bundle's folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.manifest import manifest_digest
from coherent_cxr.serving.study_report import ModelIdentity

CHAMPION = "models:/coherent-cxr@champion"
REGISTERED = "models:/"


class OpenedModel(NamedTuple):
    """A model, and what reports call it.

    Attributes:
        bundle: The model.
        identity: Its name, version and digest.
    """

    bundle: ModelBundle
    identity: ModelIdentity


def open_model(name: str, tracking_uri: Callable[[], str]) -> OpenedModel:
    """Open a model.

    Args:
        name: ``models:/<name>@<alias>``, ``models:/<name>/<version>``, or the folder of a bundle.
        tracking_uri: Says where the registry is; asked for a registered model only.

    Raises:
        ModelNotFoundError: If there is no such registry, model, alias or version.
        TrackingError: If the registry's server does not answer, or its database is damaged.
        BundleError: If the bundle is damaged, or is not the one that was registered.
    """
    folder, version = Path(name), None
    called = name if name.startswith(REGISTERED) else folder.resolve().name
    if name.startswith(REGISTERED):
        from coherent_cxr.serving.registration.fetching import fetch_bundle

        folder, version = fetch_bundle(name, tracking_uri())
    bundle = ModelBundle.load(folder)
    return OpenedModel(bundle, ModelIdentity(called, version, manifest_digest(folder)))
