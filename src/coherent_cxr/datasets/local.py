"""Base class of the project's own datasets: a versioned file or folder on this machine."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, TypeVar

from kedro.io import Version

from coherent_cxr.datasets.whole import WholeDataset

Data = TypeVar("Data")


class LocalDataset(WholeDataset[Data, Data]):
    """A file, or a folder recognised by one of its files.

    Args:
        filepath: The file or folder; with ``versioned: true`` a folder of versions.
        version: Load and save version, given by Kedro.
        metadata: For plugins.
    """

    MEMBER: ClassVar[str] = ""
    """File that every such folder holds; empty for a dataset that is a file."""

    def __init__(
        self, *, filepath: str, version: Version | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        self.metadata = metadata
        super().__init__(PurePosixPath(filepath), version, self._is_there)

    def _exists(self) -> bool:
        return self._is_there(str(self._get_load_path()))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "version": self._version}

    @classmethod
    def _is_there(cls, path: str) -> bool:
        return (Path(path) / cls.MEMBER).is_file()
