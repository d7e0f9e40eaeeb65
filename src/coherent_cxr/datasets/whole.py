"""One base class for all entries: a save appears in one step, and a run loads what it has saved."""

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
    """Saves whole or not at all, loads this run's own version, and passes over what was cut short.

    Put in front of one of Kedro's datasets in the list of base classes, it changes how that is saved; a
    dataset of our own fills in :meth:`_write`. Only files of this machine are written beside and moved:
    object stores show an upload when it is complete.

    Which version is loaded: the one named by ``--load-versions``; else the one that this run has saved,
    whatever other runs have saved since; else the newest complete one, which stays the same until it is
    released.
    """

    _newest: str | None = None

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(
            *args, **settings
        )  # of the next base class, which Kedro's own wrapper would leave out

    def save(self, data: In) -> None:
        """Save, in one step.

        Raises:
            DatasetError: If the version exists, or what is to be saved does not fit the dataset.
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
        """Write to a path as the next base class saves."""
        plain = copy.copy(self)
        plain._filepath, plain._version = path, None
        save: Any = super(WholeDataset, plain).save  # type: ignore[safe-super]  # see the class's text
        save.__wrapped__(plain, data)  # without Kedro's messages, which would name this path

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
