"""Size limits of foreign input, checked before reading by every reader of files and requests."""

from __future__ import annotations

from typing import IO, Any

MAX_FILE_BYTES = 200_000_000
"""Most bytes of one image file: 80 megapixels of 16 bits, and room for tags."""
MAX_PIXELS = 80_000_000
"""Most pixels of one image or frame."""
MAX_INFLATION = 200
"""Most bytes that one packed byte may become; radiographs and reports stay below 40."""
FREE_INFLATION = 1 << 26
"""Bytes that anything packed may become in any case (64 MiB): small texts can be all alike."""

PIECE = 1 << 20


class LimitError(ValueError):
    """Something from outside holds more than anything of its kind does; it was not read to its end."""


class Inflation:
    """Counts what comes out of something packed, and stops a decompression bomb.

    Args:
        packed: Bytes it has packed.
        name: What it is, for the message.
        max_bytes: Most bytes that may come out, if there is another limit too.
    """

    def __init__(self, packed: int, name: str, max_bytes: int | None = None) -> None:
        self.name = name
        self.max_bytes = max(FREE_INFLATION, MAX_INFLATION * packed)
        self.max_bytes = self.max_bytes if max_bytes is None else min(self.max_bytes, max_bytes)
        self.unpacked = 0

    def add(self, count: int) -> None:
        """Count bytes that came out.

        Raises:
            LimitError: If there are too many by now.
        """
        self.unpacked += count
        if self.unpacked > self.max_bytes:
            raise LimitError(
                f"{self.name} unpacks to more than {self.max_bytes / 1e6:,.0f} MB, so it was not "
                "read to its end."
            )


def read_at_most(stream: IO[Any], max_bytes: int, name: str) -> bytes:
    """Read a stream to its end, in pieces.

    Args:
        stream: Bytes.
        max_bytes: Most bytes.
        name: What it is, for the message.

    Raises:
        LimitError: If there are more; at most one byte more than that was read by then.
    """
    pieces: list[bytes] = []
    left = max_bytes + 1
    while left and (piece := stream.read(min(PIECE, left))):
        pieces.append(piece)
        left -= len(piece)
    if not left:
        raise LimitError(f"{name} holds more than {max_bytes:,} bytes; none of its kind does.")
    return b"".join(pieces)
