"""DICOM radiographs, read as a viewer would show them."""

from __future__ import annotations

PREAMBLE = 128


def is_dicom(data: bytes) -> bool:
    """Tell a DICOM file by its mark after the preamble, or by the group number it starts with."""
    return data[PREAMBLE : PREAMBLE + 4] == b"DICM" or data[:2] in (b"\x02\x00", b"\x08\x00")
