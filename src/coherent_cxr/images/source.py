"""Where images come from: a folder or a tar archive of files named by image identifier."""

from __future__ import annotations

import hashlib
import logging
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from coherent_cxr.images.identifiers import (
    DICOM_EXTENSIONS,
    SNIFFED,
    folder_and_number,
    identifier,
    identifier_by_path,
    is_dicom,
    is_picture,
    other_names,
)
from coherent_cxr.inputs.archives import ArchiveError, is_plain_tar, members
from coherent_cxr.inputs.folders import walk
from coherent_cxr.inputs.limits import MAX_FILE_BYTES
from coherent_cxr.inputs.names import printable

ARCHIVES = (".tar", ".tgz", ".tar.gz")
_log = logging.getLogger(__name__)
Peek = Callable[[], bytes]
"""Gives the first bytes of a file, at least ``SNIFFED`` of them if it has so many."""


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
        """Return the bytes, one more than the limit of a larger file; none if the file vanished meanwhile."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                return file.read(min(self.length, MAX_FILE_BYTES + 1))
        except FileNotFoundError:
            return b""


class ImageSource(ABC):
    """Images by identifier, indexed once; open one with :func:`open_source`.

    Attributes:
        root: The folder or archive.
        by_path: Whether identifiers are whole paths, for sets that give many files the same name.
        files: Image identifier (the file name without its extension) to file.
        numbered: Identifiers whose files are numbers in a study's folder, so that which image of the study a
            file shows is not known for sure (:meth:`adopt`).
    """

    def __init__(self, root: Path, *, by_path: bool = False) -> None:
        self.root = root
        self.by_path = by_path
        self.files: dict[str, ImageFile] = {}
        self.numbered: set[str] = set()
        self._dicom: set[str] = set()  # paths
        again = [file.path for file, peek in self._scan() if not self._add(file, peek)]
        if again:
            _log.warning(
                "%d files in %s have the identifier of an earlier file and are not used, the first is %s.",
                len(again),
                printable(root),
                printable(again[0]),
            )

    def __len__(self) -> int:
        return len(self.files)

    def __contains__(self, image_id: object) -> bool:
        return image_id in self.files

    def is_dicom(self, image_id: str) -> bool:
        """Tell whether an image is DICOM, by its file's name or, if that has no ending, its start."""
        path = self.files[image_id].path
        return path in self._dicom or path.lower().endswith(DICOM_EXTENSIONS)

    def adopt(self, image_ids: Iterable[str]) -> int:
        """Let files bear the names by which Open-I's reports call them.

        Kaggle and NLM's DICOM archive call CXR2_IM-0652-1001 "2_IM-0652-1001" and CXR1_1_IM-0001-4001
        "1_IM-0001-4001". R2Gen's copy has a folder per study with files 0.png, 1.png: they go to the study's
        images in the given order.

        Args:
            image_ids: Identifiers as the reports have them, those of a study frontal first; those that have
                no such file are left.

        Returns:
            How many files were renamed in the index.
        """
        adopted = 0
        if self.by_path:
            return adopted
        numbers: dict[str, list[str]] = defaultdict(list)
        for name in sorted((name for name in self.files if "/" in name), key=folder_and_number):
            numbers[name.split("_")[0]].append(name)
        for image_id in image_ids:
            if image_id in self.files or not image_id.startswith("CXR"):
                continue
            if left := numbers.get(image_id.split("_")[0]):
                self.files[image_id] = self.files.pop(left.pop(0))
                self.numbered.add(image_id)
                adopted += 1
                continue
            for name in other_names(image_id):
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
    def _scan(self) -> Iterator[tuple[ImageFile, Peek]]:
        """Yield all files, and how to see their first bytes."""

    def _add(self, file: ImageFile, peek: Peek) -> bool:
        """Take a file into the index unless it is no image; False if its identifier is taken."""
        name = identifier_by_path(file.path) if self.by_path else identifier(file.path)
        if name is None:
            return True
        if not name.has_ending:
            start = peek()
            if is_dicom(start):
                self._dicom.add(file.path)
            elif not is_picture(start):
                return True
        return self.files.setdefault(name.text, file) is file


class FolderSource(ImageSource):
    """A folder of images, at any depth and through links."""

    def read(self, image_ids: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """Yield files in the given order; one that vanished meanwhile comes as no bytes."""
        for image_id in image_ids:
            yield image_id, self.place(image_id).read()

    def place(self, image_id: str) -> Place:
        """Return the file."""
        file = self.files[image_id]
        return Place(self.root / file.path, 0, file.length)

    def _scan(self) -> Iterator[tuple[ImageFile, Peek]]:
        for found in walk(self.root):
            place = Place(self.root / found.path, 0, SNIFFED)
            yield ImageFile(found.path, 0, found.size, found.modified), place.read


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

    def _scan(self) -> Iterator[tuple[ImageFile, Peek]]:
        return _scan_archive(self.root)


class PackedSource(ImageSource):
    """A packed archive: it can only be read from its start, so each reading is one pass over it."""

    def read(self, image_ids: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """Yield members in the order they lie in the archive; one that is too large comes as no bytes."""
        requested = {self.files[image_id].path: image_id for image_id in image_ids}
        for member in members(self.root) if requested else ():
            # The first of two members with one name is the one the index holds.
            image_id = None if member.refusal else requested.pop(member.name, None)
            if image_id is not None:
                yield image_id, b"" if member.size > MAX_FILE_BYTES else b"".join(member.pieces())
            if not requested:
                return

    def _scan(self) -> Iterator[tuple[ImageFile, Peek]]:
        return _scan_archive(self.root)


def open_source(root: str | Path, *, by_path: bool = False) -> ImageSource:
    """Index a folder, a .tar or a .tgz of PNG, JPEG and DICOM images.

    Images are told by the ending of their name or, without one, by how they start. Other files, those with
    unusual characters in their names and devices are passed over, and so are links in archives.

    Args:
        root: The folder or archive.
        by_path: Tell images apart by their whole path, not by the file's name alone.

    Returns:
        The source, whose images are known by file name (or path) without extension.

    Raises:
        ImageSourceError: If there is nothing there, the archive is damaged, or it is of another kind.
    """
    root = Path(root)
    if root.is_dir():
        return FolderSource(root, by_path=by_path)
    if not root.exists():
        raise ImageSourceError(
            f"There are no images at {root}; set fabrication.images_root to a folder or .tar of images."
        )
    if not root.name.lower().endswith(ARCHIVES):
        raise ImageSourceError(f"{root} is neither a folder nor one of {', '.join(ARCHIVES)}.")
    try:
        kind = TarSource if is_plain_tar(root) else PackedSource
        return kind(root, by_path=by_path)
    except ArchiveError as error:
        raise ImageSourceError(str(error)) from error


def _scan_archive(root: Path) -> Iterator[tuple[ImageFile, Peek]]:
    for member in members(root):
        if not member.refusal:
            file = ImageFile(member.name, member.offset, member.size, member.modified)
            yield file, lambda member=member: next(member.pieces(), b"")  # type: ignore[misc]  # bound at once
