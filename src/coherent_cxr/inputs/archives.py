"""Reads untrusted tar and ZIP archives file by file, without links and bombs."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any, NamedTuple

from coherent_cxr.inputs.limits import PIECE, Inflation, LimitError
from coherent_cxr.inputs.names import printable

MAX_HEADER_BYTES = 1 << 16
"""Most bytes that a tar archive may say about a member, its name for example."""
_LONG_NUMBER = re.compile(rb"\d{100}")  # takes tarfile's patterns time that grows with its square
_UNPACKERS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")


class ArchiveError(ValueError):
    """An archive that is damaged, of another kind, or built to do harm; nothing more is read from it."""


class MemberError(ValueError):
    """A member that cannot be read, while others can.

    Attributes:
        reason: Short code for an exclusions table: "unsafe_member", "damaged_member" or "file_too_large".
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Member(NamedTuple):
    """One file of an archive. It can be read once, before the next member is asked for.

    Attributes:
        name: Its path in the archive's words; show it through :func:`~coherent_cxr.inputs.names.printable`.
        size: Bytes it has; it gives no more than these.
        offset: Where they begin in an uncompressed tar archive.
        modified: Time of its last change in whole seconds, 0 if the archive does not say.
        refusal: Why it is not read (a link, a device, encrypted), or empty.
        pieces: Gives the bytes in pieces. Raises :class:`ArchiveError` and, from ZIP, :class:`MemberError`.
    """

    name: str
    size: int
    offset: int
    modified: int
    refusal: str
    pieces: Callable[[], Iterator[bytes]]

    def read(self, most: int) -> bytes:
        """Return the bytes.

        Args:
            most: Most of them; of a larger member none is read.

        Raises:
            MemberError: If it is refused, too large, or (in ZIP) damaged.
            ArchiveError: If the archive is damaged or a decompression bomb.
        """
        if self.refusal:
            raise MemberError("unsafe_member", self.refusal)
        if self.size > most:
            detail = f"It has {self.size:,} bytes; none of its kind has more than {most:,}."
            raise MemberError("file_too_large", detail)
        return b"".join(self.pieces())


def members(archive: Path) -> Iterator[Member]:
    """Yield the files of a tar (plain, gzip, bzip2, xz) or ZIP archive in its order, without its folders.

    The content says what it is, not the name. What comes out of a packed archive is bounded
    (:class:`~coherent_cxr.inputs.limits.Inflation`).

    Args:
        archive: The archive.

    Raises:
        ArchiveError: If it cannot be opened, is damaged or cut off, of another kind, or a decompression bomb.
    """
    with _boundary(archive), archive.open("rb") as file:
        inflation = Inflation(archive.stat().st_size, f"The archive '{printable(archive)}'")
        start = file.read(6)
        file.seek(0)
        yield from (_in_zip if start.startswith(_ZIP) else _in_tar)(archive, file, inflation)


def is_plain_tar(archive: Path) -> bool:
    """Tell whether the offsets of :func:`members` are places in the file: it is neither packed nor ZIP."""
    with _boundary(archive), archive.open("rb") as file:
        return not file.read(6).startswith((*_UNPACKERS, *_ZIP))


def leads_out(name: str) -> bool:
    """Tell whether a member's name leads out of the folder that the archive is unpacked into."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or bool(PureWindowsPath(name).drive)


@contextmanager
def _boundary(archive: Path) -> Iterator[None]:
    """Turn whatever foreign bytes make a reader raise into one kind of error."""
    try:
        yield
    except (ArchiveError, MemberError):
        raise
    except LimitError as error:
        raise ArchiveError(str(error)) from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno:
            raise ArchiveError(f"'{printable(archive)}' cannot be read: {error.strerror}.") from error
        cause = printable((str(error).splitlines() or [""])[0].rstrip(".:- ") or type(error).__name__)
        raise ArchiveError(
            f"The archive '{printable(archive)}' is damaged or of another kind ({cause}); download it again."
        ) from error


def _in_zip(archive: Path, file: IO[bytes], inflation: Inflation) -> Iterator[Member]:
    with zipfile.ZipFile(file) as opened:
        for info in opened.infolist():
            if not info.is_dir():
                pieces = partial(_pieces_of_zip, archive, opened, info, inflation)
                yield Member(info.filename, info.file_size, 0, 0, _refusal_in_zip(info), pieces)


def _refusal_in_zip(info: zipfile.ZipInfo) -> str:
    if stat.S_ISLNK(info.external_attr >> 16):
        return "It is a link."
    if info.flag_bits & 1:
        return "It is encrypted."
    # of other ways zipfile unpacks whole blocks at once, however large they get
    known = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    return "" if known else f"It is packed by method {info.compress_type}; only deflate is read."


def _pieces_of_zip(
    archive: Path, opened: zipfile.ZipFile, info: zipfile.ZipInfo, inflation: Inflation
) -> Iterator[bytes]:
    with _boundary(archive):
        try:
            with opened.open(info) as stream:
                while piece := stream.read(PIECE):
                    inflation.add(len(piece))
                    yield piece
        except LimitError:
            raise
        except Exception as error:
            detail = f"It cannot be unpacked ({type(error).__name__})."
            raise MemberError("damaged_member", detail) from error


def _in_tar(archive: Path, file: IO[bytes], inflation: Inflation) -> Iterator[Member]:
    reader = _Reader(file, inflation)
    end = -1
    with tarfile.open(fileobj=reader, mode="r:") as opened:  # type: ignore[call-overload]  # it has what is used
        while (member := opened.next()) is not None:
            opened.members = []  # tarfile would keep them: 400,000 are 1 GB
            if member.size < 0 or opened.offset <= end:
                raise ArchiveError(f"The archive '{printable(archive)}' leads back into itself.")
            end = opened.offset
            if not member.isdir():
                readable = member.isreg() and not member.issparse()
                yield Member(
                    member.name,
                    member.size,
                    member.offset_data,
                    int(member.mtime) if 0 <= member.mtime < 1 << 40 else 0,
                    "" if readable else "It is a link, a device or a sparse file.",
                    partial(_pieces_of_tar, archive, reader, member),
                )
    if reader.last_block.strip(b"\0") or not reader.last_block:  # tarfile takes any such block for the end
        raise ArchiveError(f"The archive '{printable(archive)}' was cut off or damaged; download it again.")
    while reader.packed and reader.read_data(PIECE):
        pass  # its checksum stands at the end


def _pieces_of_tar(archive: Path, reader: _Reader, member: tarfile.TarInfo) -> Iterator[bytes]:
    with _boundary(archive):
        reader.seek(member.offset_data)
        left = member.size
        while left:
            piece = reader.read_data(min(PIECE, left))
            if not piece:
                raise EOFError("it was cut off")
            left -= len(piece)
            yield piece


class _Reader:
    """Unpacked bytes of a tar archive as ``tarfile`` asks for them, bounded."""

    def __init__(self, file: IO[bytes], inflation: Inflation) -> None:
        start = file.read(6)
        file.seek(0)
        self._stream: Any = next(
            (u(file) for magic, u in _UNPACKERS.items() if start.startswith(magic)), file
        )
        self.packed = self._stream is not file
        self._inflation = inflation
        self.last_block = b""

    def read(self, size: int) -> bytes:
        """Return what tarfile wants to know about a member."""
        if not 0 <= size <= MAX_HEADER_BYTES:
            raise LimitError(f"A member of the archive has a name or description of {size:,} bytes.")
        self.last_block = block = self.read_data(size)
        if _LONG_NUMBER.search(block) and size > tarfile.BLOCKSIZE:
            raise LimitError("A member of the archive has a description that no program writes.")
        return block

    def read_data(self, size: int) -> bytes:
        """Return the next bytes."""
        data: bytes = self._stream.read(size)
        if self.packed:
            self._inflation.add(len(data))
        return data

    def seek(self, position: int) -> None:
        """Go to a position; in a packed archive only onwards."""
        if not self.packed:
            self._stream.seek(position)
            return
        ahead = position - self._stream.tell()
        if ahead < 0:
            raise LimitError("A member of a packed archive can be read once only.")
        while ahead:
            piece = self.read_data(min(PIECE, ahead))
            if not piece:
                raise EOFError("it was cut off")
            ahead -= len(piece)

    def tell(self) -> int:
        """Return the position."""
        position: int = self._stream.tell()
        return position
