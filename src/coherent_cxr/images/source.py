"""Where images come from: a folder or a tar archive of files named by image identifier."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

DICOM_EXTENSIONS = (".dcm", ".dicom")
EXTENSIONS = (".png", ".jpg", ".jpeg", *DICOM_EXTENSIONS)
ARCHIVES = (".tar", ".tgz", ".tar.gz")
_log = logging.getLogger(__name__)
_STUDY_PREFIX = re.compile(r"CXR\d+_")
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class ImageSourceError(ValueError):
    """A place that images cannot be read from."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One image of a source.

    Attributes:
        path: Path inside the source; images are told apart by its stem.
        offset: Position of the first byte in the archive; 0 in a folder.
        length: Number of bytes.
        modified: Time of the last change in whole seconds.
    """

    path: str
    offset: int
    length: int
    modified: int


class Place(NamedTuple):
    """Bytes on a disk: a file, the first byte and the number of bytes."""

    path: Path
    offset: int
    length: int

    def read(self) -> bytes:
        """Return the bytes; none if the file vanished meanwhile."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                return file.read(self.length)
        except FileNotFoundError:
            return b""


class ImageSource(ABC):
    """Images by identifier, indexed once; open one with :func:`open_source`.

    Attributes:
        root: The folder or archive.
        files: Image identifier (the file name without its extension) to file.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, ImageFile] = {}
        again = [file.path for file in self._scan() if not self._add(file)]
        if again:
            _log.warning(
                "%d files in %s have the identifier of an earlier file and are not used, the first is %s.",
                len(again),
                root,
                again[0],
            )

    def __len__(self) -> int:
        return len(self.files)

    def __contains__(self, image_id: object) -> bool:
        return image_id in self.files

    def is_dicom(self, image_id: str) -> bool:
        """Tell by the file's name whether an image is DICOM."""
        return self.files[image_id].path.lower().endswith(DICOM_EXTENSIONS)

    def adopt(self, image_ids: Iterable[str]) -> int:
        """Let files bear the names by which Open-I's reports call them.

        Kaggle and NLM's DICOM archive call CXR2_IM-0652-1001 "2_IM-0652-1001" and CXR1_1_IM-0001-4001
        "1_IM-0001-4001".

        Args:
            image_ids: Identifiers as the reports have them; those that have no such file are left.

        Returns:
            How many files were renamed in the index.
        """
        adopted = 0
        for image_id in image_ids:
            if image_id in self.files or not image_id.startswith("CXR"):
                continue
            for name in (image_id.removeprefix("CXR"), _STUDY_PREFIX.sub("", image_id)):
                if name in self.files:
                    self.files[image_id] = self.files.pop(name)
                    adopted += 1
                    break
        return adopted

    @property
    def digest(self) -> str:
        """SHA-256 over every image's identifier, length and time of change."""
        digest = hashlib.sha256()
        for image_id in sorted(self.files):
            file = self.files[image_id]
            digest.update(f"{image_id}\t{file.length}\t{file.modified}\n".encode())
        return digest.hexdigest()

    @abstractmethod
    def read(self, image_ids: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """Yield (image_id, bytes of the file) of known images, in the order that reads fastest."""

    def place(self, image_id: str) -> Place | None:
        """Return where a worker can read an image on its own, or None if it must be read in order."""
        return None

    @abstractmethod
    def _scan(self) -> Iterator[ImageFile]:
        """Yield all files."""

    def _add(self, file: ImageFile) -> bool:
        """Take a file into the index unless it is no image; False if its identifier is taken."""
        name = file.path.rsplit("/", 1)[-1]
        stem, extension = os.path.splitext(name)  # noqa: PTH122 - a path inside an archive, not on this machine
        if extension.lower() not in EXTENSIONS or not _IDENTIFIER.fullmatch(stem):
            return True
        # Kaggle's copy of Open-I names its PNG files "1_IM-0001-4001.dcm.png".
        return self.files.setdefault(stem.removesuffix(".dcm"), file) is file


class FolderSource(ImageSource):
    """A folder of images, at any depth."""

    def read(self, image_ids: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """Yield files in the given order; one that vanished meanwhile comes as no bytes."""
        for image_id in image_ids:
            yield image_id, self.place(image_id).read()

    def place(self, image_id: str) -> Place:
        """Return the file."""
        file = self.files[image_id]
        return Place(self.root / file.path, 0, file.length)

    def _scan(self) -> Iterator[ImageFile]:
        waiting = [self.root]
        while waiting:
            with os.scandir(waiting.pop()) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                    elif entry.is_file():
                        status = entry.stat()
                        path = Path(entry.path).relative_to(self.root).as_posix()
                        yield ImageFile(path, 0, status.st_size, int(status.st_mtime))


class TarSource(ImageSource):
    """An uncompressed tar archive: members are read at their offsets, nothing is unpacked."""

    def read(self, image_ids: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """Yield members in the order they lie in the archive."""
        for image_id in sorted(image_ids, key=lambda image_id: self.files[image_id].offset):
            yield image_id, self.place(image_id).read()

    def place(self, image_id: str) -> Place:
        """Return the member's bytes in the archive."""
        file = self.files[image_id]
        return Place(self.root, file.offset, file.length)

    def _scan(self) -> Iterator[ImageFile]:
        yield from _members(self.root, "r:")


class CompressedTarSource(ImageSource):
    """A gzipped tar archive: it can only be read from its start, so each reading is one pass over it."""

    def read(self, image_ids: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """Yield members in the order they lie in the archive."""
        wanted = {self.files[image_id].path: image_id for image_id in image_ids}
        with tarfile.open(self.root, "r|gz") as archive:
            for member in archive:
                # The first of two members with one name is the one the index holds.
                image_id = wanted.pop(member.name, None) if member.isreg() else None
                if image_id is not None:
                    stream = archive.extractfile(member)
                    yield image_id, stream.read() if stream else b""
                if not wanted:
                    return

    def _scan(self) -> Iterator[ImageFile]:
        yield from _members(self.root, "r|gz")


def open_source(root: str | Path) -> ImageSource:
    """Index a folder, a .tar or a .tgz of PNG, JPEG and DICOM images.

    Files with other extensions, with unusual characters in their names, links and devices are passed over.

    Args:
        root: The folder or archive.

    Returns:
        The source, whose images are known by file name without extension.

    Raises:
        ImageSourceError: If there is nothing there, the archive is damaged, or it is of another kind.
    """
    root = Path(root)
    if root.is_dir():
        return FolderSource(root)
    if not root.exists():
        raise ImageSourceError(
            f"There are no images at {root}; set fabrication.images_root to a folder or .tar of images."
        )
    if not root.name.endswith(ARCHIVES):
        raise ImageSourceError(f"{root} is neither a folder nor one of {', '.join(ARCHIVES)}.")
    try:
        return TarSource(root) if root.name.endswith(".tar") else CompressedTarSource(root)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ImageSourceError(f"The archive {root} is damaged ({error}); download it again.") from error


def _members(root: Path, mode: str) -> Iterator[ImageFile]:
    with tarfile.open(root, mode) as archive:  # type: ignore[call-overload]  # typeshed lists modes as literals
        for member in archive:
            if member.isreg():
                yield ImageFile(member.name, member.offset_data, member.size, int(member.mtime))
            archive.members = []  # tarfile would keep every member otherwise: 400,000 of them are 1 GB
