"""Named tensors as a versioned safetensors file."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from coherent_cxr.datasets.local import LocalDataset


class TensorsDataset(LocalDataset[dict[str, Any]]):
    """Saves and loads ``{name: tensor}`` as safetensors."""

    def load(self) -> dict[str, Any]:
        """Return the tensors."""
        from safetensors.torch import load_file

        return load_file(str(self._get_load_path()))

    def _write(self, data: dict[str, Any], path: PurePosixPath) -> None:
        from safetensors.torch import save_file

        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in data.items()}, str(path))
