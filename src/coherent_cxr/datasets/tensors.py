"""Named tensors as a versioned safetensors file."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import Version

from coherent_cxr.datasets.whole import WholeDataset


class TensorsDataset(WholeDataset[dict[str, Any], dict[str, Any]]):
    """Saves and loads ``{name: tensor}`` as safetensors.

    Args:
        filepath: The file; with ``versioned: true`` a folder of versions.
        version: Load and save version, given by Kedro.
        metadata: Free, for plugins.
    """

    def __init__(
        self, *, filepath: str, version: Version | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        self.metadata = metadata
        super().__init__(PurePosixPath(filepath), version, _is_file)

    def load(self) -> dict[str, Any]:
        """Return the tensors."""
        from safetensors.torch import load_file

        return load_file(str(self._get_load_path()))

    def _write(self, data: dict[str, Any], path: PurePosixPath) -> None:
        from safetensors.torch import save_file

        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in data.items()}, str(path))

    def _exists(self) -> bool:
        return _is_file(str(self._get_load_path()))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "version": self._version}


def _is_file(path: str) -> bool:
    return Path(path).is_file()
