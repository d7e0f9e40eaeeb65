"""A trained generator as a versioned folder."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractVersionedDataset, Version

if TYPE_CHECKING:
    from coherent_cxr.models.bundle import ModelBundle

CONFIG = "config.json"


class ModelBundleDataset(AbstractVersionedDataset["ModelBundle", "ModelBundle"]):
    """Saves and loads :class:`coherent_cxr.models.bundle.ModelBundle`.

    A version exists once its folder is whole: it is written beside its place and moved there. PyTorch is only
    imported when a bundle is loaded, so opening a catalog stays quick.

    Args:
        filepath: The folder; with ``versioned: true`` a folder of versions.
        version: Load and save version, given by Kedro.
        metadata: Free, for plugins.
    """

    def __init__(
        self, *, filepath: str, version: Version | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        self.metadata = metadata
        super().__init__(PurePosixPath(filepath), version, _is_bundle)

    def load(self) -> ModelBundle:
        """Read the bundle.

        Raises:
            DatasetError: If there is no version, or a file of the bundle is missing.
        """
        from coherent_cxr.models.bundle import ModelBundle

        return ModelBundle.load(Path(self._get_load_path()))

    def save(self, data: ModelBundle) -> None:
        """Write the bundle, whole or not at all."""
        path = Path(self._get_save_path())
        writing = path.with_name(f"{path.name}.writing")
        shutil.rmtree(writing, ignore_errors=True)
        data.save(writing)
        if path.exists():  # only without versions
            shutil.rmtree(path)
        writing.replace(path)

    def _exists(self) -> bool:
        return _is_bundle(str(self._get_load_path()))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "version": self._version}


def _is_bundle(folder: str) -> bool:
    return (Path(folder) / CONFIG).is_file()
