"""Unpacking archives that nobody vouches for: no path outside, no links, no bombs, whole or not at all."""

from __future__ import annotations

import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, NamedTuple

from tqdm import tqdm

COPY = 1 << 20


class ArchiveError(ValueError):
    """An archive that is damaged, of another kind, or built to do harm."""


class Unpacked(NamedTuple):
    """What came out of an archive: the folder, the number of files, and what was left in it."""

    folder: Path
    files: int
    exclusions: list[tuple[str, str, str]]


class _Member(NamedTuple):
    name: str
    stream: IO[bytes] | None
    refusal: str


def unpack(archive: Path, folder: Path, suffixes: tuple[str, ...], max_bytes: int) -> Unpacked:
    """Unpack the wanted files of a tar (any compression) or zip archive into one flat folder.

    Args:
        archive: The archive.
        folder: Where to; it appears when everything is in it. One that is there already is left alone.
        suffixes: Which files, for example ``(".png",)``; others are passed over.
        max_bytes: Most bytes that may come out; more is taken for a decompression bomb.

    Returns:
        The folder, the number of files in it, and exclusions (name, reason, detail): links, devices, paths
        that lead out of the folder, and names that were there before.

    Raises:
        ArchiveError: If the archive is damaged, of another kind, or holds more than ``max_bytes``.
        OSError: If the disk is full or cannot be written.
    """
    if folder.is_dir():
        return Unpacked(folder, sum(1 for _ in folder.iterdir()), [])
    writing = folder.with_name(f".{folder.name}.writing")
    shutil.rmtree(writing, ignore_errors=True)
    writing.mkdir(parents=True)
    exclusions: list[tuple[str, str, str]] = []
    left, files = max_bytes, 0
    try:
        for member in tqdm(_members(archive), desc=f"unpacking {archive.name}", unit="file"):
            name = PurePosixPath(member.name).name
            if member.refusal:
                exclusions.append((member.name, "unsafe_member", member.refusal))
            elif not name.lower().endswith(suffixes) or member.stream is None:
                continue
            elif (writing / name).exists():
                exclusions.append((member.name, "duplicate_name", f"A file {name} was unpacked before."))
            else:
                left -= _copy(member.stream, writing / name, left, archive, max_bytes)
                files += 1
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError) as error:
        shutil.rmtree(writing)
        raise ArchiveError(f"The archive {archive} is damaged ({error}); download it again.") from error
    except BaseException:
        shutil.rmtree(writing)
        raise
    writing.replace(folder)
    return Unpacked(folder, files, exclusions)


def _copy(stream: IO[bytes], target: Path, left: int, archive: Path, max_bytes: int) -> int:
    written = 0
    with target.open("wb") as out:
        while piece := stream.read(COPY):
            written += len(piece)
            if written > left:
                raise ArchiveError(
                    f"The archive {archive} unpacks to more than {max_bytes / 1e9:.1f} GB, so it was not "
                    "unpacked; if that is right, raise max_unpacked_gb."
                )
            out.write(piece)
    return written


def _members(archive: Path) -> Iterator[_Member]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                refusal = _zip_refusal(info)
                if refusal or info.is_dir():
                    yield _Member(info.filename, None, refusal)
                    continue
                with opened.open(info) as stream:
                    yield _Member(info.filename, stream, "")
        return
    with tarfile.open(archive, "r|*") as opened:
        for member in opened:
            try:
                tarfile.data_filter(member, "/nowhere")
                inside = not member.name.startswith("/") and (member.isreg() or member.isdir())
                refusal = "" if inside else "It is a link, a device or an absolute path."
            except tarfile.FilterError as error:
                refusal = f"{type(error).__name__}: it leads out of the folder, or is a link or device."
            yield _Member(member.name, None if refusal else opened.extractfile(member), refusal)
            opened.members = []  # type: ignore[attr-defined]  # tarfile would keep every member otherwise


def _zip_refusal(info: zipfile.ZipInfo) -> str:
    path = PurePosixPath(info.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or PureWindowsPath(info.filename).drive:
        return "It leads out of the folder."
    if stat.S_ISLNK(info.external_attr >> 16):
        return "It is a link."
    return "It is encrypted." if info.flag_bits & 1 else ""
