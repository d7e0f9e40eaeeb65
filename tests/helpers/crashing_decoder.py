"""A decoder that crashes, in a file of its own: a process that runs it imports this file and nothing more."""

from __future__ import annotations

import ctypes
from pathlib import Path

from coherent_cxr.images.reading.decoding_workers import Decoded, Task

POISON = b"poison"


def decode_batch(batch: list[Task], pixels: Path) -> list[Decoded]:
    """Decode nothing, and die of poison."""
    return [_decode(image_id, data) for image_id, _, data in batch]


def _decode(image_id: str, data: object) -> Decoded:
    if data == POISON:
        ctypes.string_at(0)  # what a broken decoder does
    return Decoded(image_id, 1, 1)
