"""A trained generator as a versioned folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from kedro.io import Version

from coherent_cxr.datasets.whole import WholeDataset

if TYPE_CHECKING:
    from coherent_cxr.models.bundle import ModelBundle

CONFIG = "config.json"


class ModelBundleDataset(WholeDataset["ModelBundle", "ModelBundle"]):
    """Saves and loads :class:`coherent_cxr.models.bundle.ModelBundle`.

    PyTorch is only imported when a bundle is loaded, so opening a catalog stays quick.

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

    def _write(self, data: ModelBundle, path: PurePosixPath) -> None:
        data.save(Path(path))

    def _exists(self) -> bool:
        return _is_bundle(str(self._get_load_path()))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "version": self._version}


def _is_bundle(folder: str) -> bool:
    return (Path(folder) / CONFIG).is_file()
