"""Unpacks untrusted archives into a flat folder, completely or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from coherent_cxr.inputs.archives import ArchiveError, Member, MemberError, leads_out, members
from coherent_cxr.inputs.names import printable
from coherent_cxr.runtime.progress_line import counted


class Unpacked(NamedTuple):
    """What came out of an archive: the folder, the number of files, and what was left in it."""

    folder: Path
    files: int
    exclusions: list[tuple[str, str, str]]


def unpack(archive: Path, folder: Path, suffixes: tuple[str, ...], max_bytes: int) -> Unpacked:
    """Unpack the wanted files of a tar (any compression) or ZIP archive into one flat folder.

    Args:
        archive: The archive.
        folder: Where to; it appears when everything is in it. One that is there already is left alone.
        suffixes: Which files, for example ``(".png",)``; others are passed over.
        max_bytes: Most bytes that may come out.

    Returns:
        The folder, the number of files in it, and exclusions (name, reason, detail): links, devices, paths
        that lead out of the folder, and names that were there before.

    Raises:
        ArchiveError: If the archive is damaged, of another kind, holds more than ``max_bytes`` or is a
            decompression bomb.
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
        for member in counted(members(archive), f"unpacking {printable(archive.name)}", "files"):
            name = PurePosixPath(member.name).name
            if not name.lower().endswith(suffixes):
                continue
            shown = printable(member.name)
            if member.refusal or leads_out(member.name):
                detail = member.refusal or "It leads out of the folder."
                exclusions.append((shown, "unsafe_member", detail))
            elif not _fits(name):
                exclusions.append((shown, "unsafe_member", "No file can have this name."))
            elif (writing / name).exists():
                detail = f"A file {printable(name)} was unpacked before."
                exclusions.append((shown, "duplicate_name", detail))
            elif member.size > left:
                raise ArchiveError(
                    f"The archive '{printable(archive)}' unpacks to more than {max_bytes / 1e9:.1f} GB, so "
                    "it was not unpacked; if that is right, raise max_unpacked_gb."
                )
            else:
                _write(member, writing / name)
                left -= member.size
                files += 1
    except MemberError as error:
        shutil.rmtree(writing)
        raise ArchiveError(
            f"The archive '{printable(archive)}' is damaged ({error}); download it again."
        ) from error
    except BaseException:
        shutil.rmtree(writing)
        raise
    writing.replace(folder)
    return Unpacked(folder, files, exclusions)


def _fits(name: str) -> bool:
    return "\0" not in name and len(name.encode("utf-8", "surrogateescape")) <= 255


def _write(member: Member, target: Path) -> None:
    with target.open("wb") as out:
        for piece in member.pieces():
            out.write(piece)
