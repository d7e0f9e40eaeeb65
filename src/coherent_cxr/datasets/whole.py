"""Base class of all datasets: atomic saves, and a run loads the versions that it saved."""

from __future__ import annotations

import copy
import logging
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from kedro.io import AbstractVersionedDataset
from kedro.io.core import VersionNotFoundError

from coherent_cxr.storage.whole import being_written, looks_whole, sweep, written_whole

logger = logging.getLogger(__name__)

In = TypeVar("In")
Out = TypeVar("Out")


class WholeDataset(AbstractVersionedDataset[In, Out]):
    """Saves atomically, loads the version of this run, and skips incomplete versions.

    Placed before one of Kedro's datasets in the list of base classes, it changes how that one saves; our own
    datasets implement :meth:`_write`. Only local files are written under a temporary name and moved: object
    stores show an upload only when it is complete.

    Loads the version named by ``--load-versions``; else the one that this run saved, even if other runs have
    saved since; else the newest complete one, which stays the same until the dataset is released.
    """

    _newest: str | None = None

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)  # the next base class's, which Kedro's wrapper would skip

    def save(self, data: In) -> None:
        """Save atomically.

        Raises:
            DatasetError: If the version exists, or the data does not fit the dataset.
        """
        target = self._get_save_path()
        if not self._is_local():
            self._write(data, target)
            return
        for left in Path(self._filepath).glob("*/") if self._version else ():
            sweep(left)
        with written_whole(Path(target)) as writing:
            self._write(data, PurePosixPath(writing))

    def _write(self, data: In, path: PurePosixPath) -> None:
        """Write to a path, as the next base class does."""
        plain = copy.copy(self)
        plain._filepath, plain._version = path, None
        save: Any = super(WholeDataset, plain).save  # type: ignore[safe-super]  # see the class's text
        save.__wrapped__(plain, data)  # without Kedro's messages, which would name the temporary path

    def resolve_load_version(self) -> str | None:
        """Return the version to load, or None without versioning.

        Raises:
            VersionNotFoundError: If there is no complete one.
        """
        if not self._version or self._version.load:
            return super().resolve_load_version()
        own = self.resolve_save_version()
        if own is not None and self._exists_function(str(self._get_versioned_path(own))):
            return own
        if self._newest is None:
            self._newest = self._find_newest()
        return self._newest

    def _find_newest(self) -> str:
        versions = [Path(path) for path in self.list_versions()]
        local = self._is_local()
        newest = next((path.parent.name for path in versions if not local or looks_whole(path)), None)
        incomplete = self._incomplete_since(newest) if local else []
        if newest is None:
            hint = f" Incomplete: {', '.join(map(str, incomplete))}." if incomplete else ""
            raise VersionNotFoundError(f"Did not find any versions for {self}.{hint}")
        for folder in incomplete:
            logger.warning(
                "'%s' is incomplete, as a run was stopped while it was written; version %s is used instead. "
                "You may delete the folder.",
                folder,
                newest,
            )
        return newest

    def _incomplete_since(self, newest: str | None) -> list[Path]:
        name = self._filepath.name
        return [
            folder
            for folder in sorted(Path(self._filepath).glob("*/"))
            if (newest is None or folder.name > newest)
            and not looks_whole(folder / name)
            and not being_written(folder)
        ]

    def _is_local(self) -> bool:
        return getattr(self, "_protocol", "file") in ("file", "local")

    def _release(self) -> None:
        super()._release()
        self._newest = None
