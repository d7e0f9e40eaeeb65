"""Bytes of a file to text: unpacked, bounded, in the encoding it was written in."""

from __future__ import annotations

import codecs
import gzip
import logging
import re
from pathlib import Path

from coherent_cxr.inputs.errors import TableError
from coherent_cxr.inputs.limits import Inflation, LimitError, read_at_most
from coherent_cxr.inputs.quoting import quote

logger = logging.getLogger(__name__)

MAX_BYTES = 2**31
"""Most bytes of a table, after unpacking."""

# Letters of Western European languages and the punctuation that word processors write. What else Windows-1252
# could mean is far likelier to be another encoding, or no text at all.
_WINDOWS = re.compile(
    "[\t\n\r -~ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüŒœŠšŽž‘’‚“”„–—•…€™ §°±²³´µ·º¼½¾×÷«»®©]*"
)
_UTF8_SEQUENCE = re.compile(rb"[\xc3\xe2][\x80-\xbf]")
_MAGIC = {
    b"PK\x03\x04": "an Excel workbook or a ZIP archive; save the table as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the table as CSV",
    b"\x28\xb5\x2f\xfd": "packed with zstd; unpack it",
    b"BZh": "packed with bzip2; unpack it",
    b"\xfd7zXZ": "packed with xz; unpack it",
    b"%PDF": "a PDF",
}


def read_bytes(path: Path) -> bytes:
    """Read a file, unpacked if it is gzip.

    Raises:
        TableError: If it is empty, larger than :data:`MAX_BYTES`, a decompression bomb, or of a kind that
            holds no table.
    """
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        try:
            if packed:
                most = Inflation(path.stat().st_size, f"'{path}'", MAX_BYTES).max_bytes
                with gzip.open(file) as unpacked:
                    what = f"'{path}', unpacked,"
                    content = read_at_most(unpacked, most, what)  # type: ignore[arg-type]  # it has read
            else:
                content = read_at_most(file, MAX_BYTES, f"'{path}'")
        except LimitError as error:
            raise TableError(f"{error} Split it into smaller tables.") from error
    if not content.strip():
        raise TableError(f"'{path}' is empty.")
    refuse_other_kinds(path, content[:8])
    return content


def refuse_other_kinds(path: Path, head: bytes) -> None:
    """Refuse a file that begins as a workbook, an archive or a document.

    Args:
        path: The file, for the message.
        head: Its first bytes.

    Raises:
        TableError: If it is one.
    """
    for magic, what in _MAGIC.items():
        if head.startswith(magic):
            raise TableError(f"'{path}' is {what}.")


def decode(path: Path, content: bytes, encoding: str | None = None) -> str:
    """Turn bytes into text.

    Args:
        path: The file, for messages.
        content: UTF-8 with or without byte order mark, UTF-16 with one, or Windows-1252 where every
            character is one that Western European text has; the last is logged.
        encoding: What it is in, for example "latin-1"; None finds out.

    Raises:
        TableError: If it is none of these, or not in the given encoding, or holds NUL characters.
    """
    text = _decoded(path, content) if encoding is None else _given(path, content, encoding)
    if "\0" in text:
        raise TableError(f"'{path}' holds NUL characters: it is no table, or was damaged.")
    return text


def _given(path: Path, content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise TableError(
            f"'{path}' is not {encoding} (byte {error.start:,}); name another encoding."
        ) from error
    except LookupError as error:
        raise TableError(
            f"There is no encoding {quote(encoding)}; utf-8, latin-1 and cp1252 are some."
        ) from error


def _decoded(path: Path, content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError as error:
            raise TableError(f"'{path}' begins as UTF-16 and is not; save it as UTF-8.") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        windows = content.decode("cp1252", errors="replace")
        if _UTF8_SEQUENCE.search(content) or not _WINDOWS.fullmatch(windows):
            raise TableError(
                f"'{path}' is not UTF-8 (line {line}, byte {error.start:,}), and it cannot safely be read as "
                "Windows-1252 either; save it as UTF-8."
            ) from error
    logger.warning("'%s' is not UTF-8 (line %d); it was read as Windows-1252.", path, line)
    return windows
