"""Small files that ask for gigabytes, or for hours."""

import io
import struct
import zlib
from collections.abc import Callable

import imagecodecs
import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from helpers.dicom_files import RAMP_12_BIT, dataset, written

GIGABYTES = 2


def _deflated_zeros() -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = deflate.compress(bytes(1 << 24)) + deflate.flush(zlib.Z_FULL_FLUSH)  # stands for itself
    return piece * (GIGABYTES << 6) + deflate.flush()


def _meta(made: Dataset) -> tuple[bytes, bytes]:
    """Split a file into preamble with meta tags and the rest."""
    data = written(made)
    start = 144 + int.from_bytes(data[140:144], "little")
    return data[:start], data[start:]


def deflated(kind: str) -> bytes:
    """Return a deflated DICOM file of gigabytes whose transfer syntax stands somewhere odd."""
    made = dataset(RAMP_12_BIT)
    made.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    head, _ = _meta(made)
    if kind == "false group length":
        head = head[:140] + (8).to_bytes(4, "little") + head[144:]
    elif kind == "no group length":
        head = head[:132] + head[144:]
    elif kind == "late":  # a private tag of 4,000 bytes comes before the transfer syntax
        filler = b"\x02\x00\x03\x00UT\0\0" + struct.pack("<I", 4000) + b" " * 4000
        head = head[:144] + filler + head[144:]
    elif kind == "no preamble":
        head = head[132:]
    elif kind == "padded":
        head = head.replace(b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.1.99\0\0")
        head = head.replace(
            b"UI\x16\x00" + b"1.2.840.10008.1.2.1.99", b"UI\x18\x00" + b"1.2.840.10008.1.2.1.99"
        )
    elif kind == "implicit":
        meta = head[132:]
        head = head[:132]
        place = 0
        while place < len(meta):
            tag, vr, length = meta[place : place + 4], meta[place + 4 : place + 6], 0
            if vr == b"OB":
                length, value = int.from_bytes(meta[place + 8 : place + 12], "little"), place + 12
            else:
                length, value = int.from_bytes(meta[place + 6 : place + 8], "little"), place + 8
            head += tag + struct.pack("<I", length) + meta[value : value + length]
            place = value + length
    return head + _deflated_zeros()


def _compressed(frame: bytes, syntax: UID, **tags: object) -> bytes:
    made = dataset(RAMP_12_BIT, **tags)
    made.PixelData = encapsulate([frame])
    made["PixelData"].VR, made["PixelData"].is_undefined_length = "OB", True
    made.file_meta.TransferSyntaxUID = syntax
    return written(made)


def jpeg_2000(place: int, value: bytes, boxes: bool = False) -> bytes:
    """Return a DICOM file whose JPEG 2000 header was changed."""
    stream = bytearray(imagecodecs.jpeg2k_encode(RAMP_12_BIT, codecformat="j2k", reversible=True))
    stream[place : place + len(value)] = value
    frame = bytes(stream)
    if boxes:
        signature = struct.pack(">I4sI", 12, b"jP  ", 0x0D0A870A)
        frame = signature + struct.pack(">I4s", 0, b"jp2c") + frame
        frame = signature + struct.pack(">I4s", len(stream) + 8, b"jp2c") + bytes(stream)
    return _compressed(frame, JPEG2000Lossless)


def jpeg_behind_a_comment() -> bytes:
    """Return a DICOM file whose JPEG shows a small size in a comment before its real one."""
    stream = io.BytesIO()
    Image.fromarray((RAMP_12_BIT >> 4).astype(np.uint8)).save(stream, format="JPEG")
    frame = bytearray(stream.getvalue())
    place = frame.index(b"\xff\xc0")
    frame[place + 5 : place + 9] = struct.pack(">HH", 60000, 60000)
    decoy = b"\xff\xc0\x00\x0b\x08\x00\x30\x00\x40\x01"
    comment = b"\xff\xfe" + struct.pack(">H", 2 + len(decoy)) + decoy
    return _compressed(
        bytes(frame[:2] + comment + frame[2:]), JPEGBaseline8Bit, BitsAllocated=8, BitsStored=8, HighBit=7
    )


def run_lengths() -> bytes:
    """Return a DICOM file whose run lengths make 2 GB of 24 MB."""
    segments = [b"\x81\x00" * (6 << 20)] * 2
    offsets = [2, 64, 64 + len(segments[0])]
    frame = struct.pack("<16I", *offsets, *[0] * 13) + b"".join(segments)
    return _compressed(frame, RLELossless)


def many_tags(kind: str) -> bytes:
    """Return a DICOM file with a million tags or items, all of them empty."""
    head, rest = _meta(dataset(RAMP_12_BIT))
    if kind == "tags":
        many = b"".join(
            struct.pack("<HH2sH", 9 + 2 * (n >> 15), n & 0x7FFF, b"SH", 0) for n in range(1 << 20)
        )
    elif kind == "items":
        items = struct.pack("<HHI", 0xFFFE, 0xE000, 0) * (1 << 20)
        many = (
            struct.pack("<HH2sHI", 9, 0x1001, b"SQ", 0, 0xFFFFFFFF)
            + items
            + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        )
    else:  # sequences within sequences
        many = (
            struct.pack("<HH2sHI", 9, 0x1001, b"SQ", 0, 0xFFFFFFFF)
            + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
        ) * 100_000
    return head + many + rest


def long_value() -> bytes:
    """Return a DICOM file whose window has 30 million values."""
    made = dataset(RAMP_12_BIT)
    made.add_new("WindowCenter", "UT", "1\\" * 30_000_000)
    made.WindowWidth = "1"
    return written(made)


def segmented_palette() -> bytes:
    """Return a DICOM file whose palette would unfold to gigabytes."""
    made = dataset((RAMP_12_BIT >> 4).astype(np.uint8), PhotometricInterpretation="PALETTE COLOR")
    line = struct.pack("<HHH", 1, 60_000, 5)
    again = struct.pack("<HHHH", 2, 1, 0, 0) * 8000
    for colour in ("Red", "Green", "Blue"):
        setattr(made, f"{colour}PaletteColorLookupTableDescriptor", [0, 0, 16])
        setattr(
            made, f"Segmented{colour}PaletteColorLookupTableData", struct.pack("<HHH", 0, 1, 0) + line + again
        )
    return written(made)


def huge_png(mode: int = 0, width: int = 60_000) -> bytes:
    """Return the head of a PNG of 3.6 gigapixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, width, 8, mode, 0, 0, 0))
    pixels = zlib.compress(bytes(1 << 20), 9)
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def png_text() -> bytes:
    """Return a PNG with a description of 200 MB."""
    data = io.BytesIO()
    Image.fromarray((RAMP_12_BIT >> 4).astype(np.uint8)).save(data, format="PNG")
    text = b"Comment\0\0" + zlib.compress(bytes(200 << 20), 9)
    chunk = struct.pack(">I", len(text)) + b"zTXt" + text + struct.pack(">I", zlib.crc32(b"zTXt" + text))
    return data.getvalue()[:33] + chunk + data.getvalue()[33:]


def many_scans() -> bytes:
    """Return a progressive JPEG of 64 megapixels with a thousand scans."""
    data = io.BytesIO()
    Image.fromarray(np.tile((RAMP_12_BIT >> 4).astype(np.uint8), (2, 2))).save(
        data, format="JPEG", progressive=True
    )
    stream = data.getvalue()
    last = stream.rindex(b"\xff\xda")
    size = stream.index(b"\xff\xc2") + 5
    large = stream[:size] + struct.pack(">HH", 8000, 8000) + stream[size + 4 : last]
    return large + stream[last:-2] * 1000 + b"\xff\xd9"


BOMBS: dict[str, Callable[[], bytes]] = {
    **{
        f"deflated, {kind}": lambda kind=kind: deflated(kind)
        for kind in (
            "plain",
            "false group length",
            "no group length",
            "late",
            "no preamble",
            "padded",
            "implicit",
        )
    },
    "JPEG 2000 of 60,000 × 60,000": lambda: jpeg_2000(8, struct.pack(">II", 60000, 60000)),
    "JPEG 2000 in boxes": lambda: jpeg_2000(8, struct.pack(">II", 60000, 60000), boxes=True),
    "JPEG 2000 of tiny tiles": lambda: jpeg_2000(8, struct.pack(">6I", 8000, 8000, 0, 0, 1, 1)),
    "JPEG 2000 of 16,384 components": lambda: jpeg_2000(40, struct.pack(">H", 16384)),
    "JPEG behind a comment": jpeg_behind_a_comment,
    "run lengths": run_lengths,
    "a million tags": lambda: many_tags("tags"),
    "a million items": lambda: many_tags("items"),
    "deep sequences": lambda: many_tags("deep"),
    "a window of 30 million values": long_value,
    "a segmented palette": segmented_palette,
    "a PNG of 3.6 gigapixels": huge_png,
    "a colour PNG of 81 megapixels": lambda: huge_png(6, 8_900),
    "a PNG with a long text": png_text,
    "a JPEG of a thousand scans": many_scans,
    "tags of 60,000 × 60,000": lambda: written(dataset(RAMP_12_BIT, Rows=60000, Columns=60000)),
    "tags of 255 samples": lambda: written(dataset(RAMP_12_BIT, SamplesPerPixel=255)),
    "a file of 201 MB": lambda: written(dataset(RAMP_12_BIT)) + bytes(201_000_000),
}
