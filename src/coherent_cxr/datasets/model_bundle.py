"""A trained generator as a versioned folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from coherent_cxr.datasets.local import LocalDataset

if TYPE_CHECKING:
    from coherent_cxr.models.bundle import ModelBundle

CONFIG = "config.json"


class ModelBundleDataset(LocalDataset["ModelBundle"]):
    """Saves and loads :class:`coherent_cxr.models.bundle.ModelBundle`.

    PyTorch is only imported when a bundle is loaded, so opening a catalog stays quick.
    """

    MEMBER = CONFIG

    def load(self) -> ModelBundle:
        """Read the bundle.

        Raises:
            DatasetError: If there is no version, or a file of the bundle is missing.
        """
        from coherent_cxr.models.bundle import ModelBundle

        return ModelBundle.load(Path(self._get_load_path()))

    def _write(self, data: ModelBundle, path: PurePosixPath) -> None:
        data.save(Path(path))
