"""Size of a compressed frame by its own header, which tags may contradict."""

from __future__ import annotations

import struct
from typing import NamedTuple

FIRST_SEGMENTS = 1000
JPEG_START = b"\xff\xd8"
JPEG_2000_START = b"\xff\x4f\xff\x51"
FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
"""Markers that a frame begins with: all kinds of JPEG, and JPEG-LS."""
WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})


class HeaderSize(NamedTuple):
    """Size of a compressed frame by its own header: pixels, samples of each, and tiles of JPEG 2000."""

    width: int
    height: int
    samples: int
    tiles: int = 1


def size_in_header(frame: bytes) -> HeaderSize | None:
    """Read the header of a JPEG, JPEG-LS or JPEG 2000 codestream.

    Args:
        frame: The codestream; JPEG 2000 may lie in the boxes of a JP2 file.

    Returns:
        What it states; None if it is none of them, or its header is damaged.
    """
    try:
        return _jpeg(frame) if frame[:2] == JPEG_START else _jpeg_2000(frame)
    except (struct.error, IndexError, ZeroDivisionError):
        return None


def _jpeg(frame: bytes) -> HeaderSize | None:
    place = 2
    for _ in range(FIRST_SEGMENTS):
        while frame[place] == 0xFF and frame[place + 1] == 0xFF:  # fill bytes
            place += 1
        if frame[place] != 0xFF:
            place = frame.index(0xFF, place) if 0xFF in frame[place : place + 64] else len(frame)
            continue
        marker = frame[place + 1]
        if marker in WITHOUT_LENGTH or marker == 0x00:
            place += 2
            continue
        if marker in FRAME_HEADERS:
            height, width, samples = struct.unpack_from(">HHB", frame, place + 5)
            return HeaderSize(width, height, samples)
        if marker in (0xD9, 0xDA):
            return None
        place += 2 + struct.unpack_from(">H", frame, place + 2)[0]
    return None


def _jpeg_2000(frame: bytes) -> HeaderSize | None:
    start = _first_codestream(frame)
    if start is None:
        return None
    right, bottom, left, top, *tile = struct.unpack_from(">8I", frame, start + 8)
    samples = struct.unpack_from(">H", frame, start + 40)[0]
    across = -(-(right - tile[2]) // tile[0])
    down = -(-(bottom - tile[3]) // tile[1])
    return HeaderSize(right - left, bottom - top, samples, across * down)


def _first_codestream(frame: bytes) -> int | None:
    if frame.startswith(JPEG_2000_START):
        return 0
    place = 0
    for _ in range(FIRST_SEGMENTS):
        length, kind = struct.unpack_from(">I4s", frame, place)
        head = 8
        if length == 1:
            length, head = struct.unpack_from(">Q", frame, place + 8)[0], 16
        if kind == b"jp2c":
            start = place + head
            return start if frame.startswith(JPEG_2000_START, start) else None
        if length < head:
            return None
        place += length
    return None
