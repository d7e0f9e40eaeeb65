"""Real image files of every kind, and damage to them: python tests/helpers/fuzzing.py TRIES SEED."""

from __future__ import annotations

import io
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from coherent_cxr.images.phantom import draw_phantom
from coherent_cxr.images.reading.decode import UnreadableImageError, read_square
from helpers.dicom_files import dataset, written

PHANTOM = draw_phantom("fuzzing", {"Cardiomegaly": 1}, [], size=64)
DEEP = PHANTOM.astype(np.uint16) * 16
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)


def _saved(image: Image.Image, **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, **options)
    return data.getvalue()


def _encapsulated(frame: bytes, syntax: UID, bits: int = 12) -> bytes:
    made = _described(DEEP if bits > 8 else PHANTOM, BitsStored=bits, HighBit=bits - 1)
    made.PixelData = encapsulate([frame])
    made["PixelData"].VR, made["PixelData"].is_undefined_length = "OB", True
    made.file_meta.TransferSyntaxUID = syntax
    return written(made)


def _described(pixels: np.ndarray, **tags: object) -> Dataset:
    """Return an image with a window, a LUT, padding, a sequence and names."""
    table, code = Dataset(), Dataset()
    table.LUTDescriptor = [4096, 0, 8]
    table.add_new("LUTData", "OW", (np.arange(4096) // 16).astype("<u2").tobytes())
    code.CodeMeaning = "postero-anterior"
    usual = {
        "WindowCenter": ["2048", "1000"], "WindowWidth": ["4096", "10"], "RescaleSlope": "1",
        "RescaleIntercept": "0", "PixelPaddingValue": 0, "ViewCodeSequence": [code],
        "BodyPartExamined": "CHEST",
        "PatientName": "Doe^Jane", "NumberOfFrames": 1, "ModalityLUTSequence": [table],
    }  # fmt: skip
    return dataset(pixels, **{**usual, **tags})


def _native(syntax: UID) -> bytes:
    made = _described(DEEP, BitsStored=12, HighBit=11)
    if syntax == ExplicitVRBigEndian:
        made.PixelData = DEEP.astype(">u2").tobytes()
    made["PixelData"].VR = "OW"
    made.file_meta.TransferSyntaxUID = syntax
    return written(made)


def real_files() -> dict[str, bytes]:
    """Return one small file of every kind that is read."""
    grey = Image.fromarray(PHANTOM)
    made = {
        "PNG": _saved(grey, format="PNG"),
        "PNG 16 bit": _saved(Image.fromarray(DEEP), format="PNG"),
        "PNG RGBA": _saved(grey.convert("RGBA"), format="PNG"),
        "PNG palette": _saved(grey.convert("P"), format="PNG", transparency=3),
        "JPEG": _saved(
            grey,
            format="JPEG",
            exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0",
        ),
        "JPEG progressive": _saved(grey.convert("RGB"), format="JPEG", progressive=True),
        "JPEG CMYK": _saved(grey.convert("CMYK"), format="JPEG"),
        "implicit": _native(ImplicitVRLittleEndian),
        "big endian": _native(ExplicitVRBigEndian),
        "deflated": _native(DeflatedExplicitVRLittleEndian),
        "JPEG baseline": _encapsulated(_saved(grey, format="JPEG"), JPEGBaseline8Bit, 8),
        "JPEG 12 bit": _encapsulated(
            imagecodecs.jpeg8_encode(DEEP, level=95, bitspersample=12), JPEGExtended12Bit
        ),
        "JPEG lossless": _encapsulated(
            imagecodecs.jpeg8_encode(DEEP, lossless=True, bitspersample=16), JPEGLosslessSV1
        ),
        "float": _float(),
        "palette": _palette(),
        "colours": written(dataset(np.repeat(PHANTOM[..., None], 3, axis=2))),
        "frames": written(dataset(np.stack([DEEP, DEEP, DEEP]))),
    }
    for name, syntax in (
        ("explicit", None),
        ("RLE", RLELossless),
        ("JPEG-LS", JPEGLSLossless),
        ("JPEG 2000", JPEG2000Lossless),
    ):
        made[name] = written(_described(DEEP, BitsStored=12, HighBit=11), syntax)
    return made


def _float() -> bytes:
    made = dataset(PHANTOM.astype(np.float32), FloatPixelPaddingValue=0.0)
    made.FloatPixelData = made.PixelData
    del made.PixelData
    return written(made)


def _palette() -> bytes:
    made = dataset(PHANTOM, PhotometricInterpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(made, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        table = (np.arange(256) * 257).astype("<u2").tobytes()
        setattr(made, f"{colour}PaletteColorLookupTableData", table)
    return written(made)


def damaged(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """Return a file with one to four injuries, most of them near its head, where lengths and sizes stand."""
    hurt = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        reach = len(hurt) if rng.random() < 0.4 else min(len(hurt), 1200)
        place, length = int(rng.integers(0, max(1, reach))), int(rng.integers(1, 40))
        kind = rng.integers(0, 7)
        if kind == 0:
            hurt[place : place + 1] = bytes([rng.integers(0, 256)])
        elif kind == 1:
            width, order = (("H", "I")[rng.integers(0, 2)], "<>"[rng.integers(0, 2)])
            value = EXTREMES[rng.integers(0, len(EXTREMES))] & (0xFFFF if width == "H" else 0xFFFFFFFF)
            number = struct.pack(f"{order}{width}", value)
            hurt[place : place + len(number)] = number
        elif kind == 2:
            del hurt[place : place + length]
        elif kind == 3:
            hurt[place:place] = hurt[place : place + length] * int(rng.integers(1, 4))
        elif kind == 4:
            start = int(rng.integers(0, len(other)))
            hurt[place : place + length] = other[start : start + length]
        elif kind == 5:
            hurt[place : place + length] = rng.bytes(length)
        elif rng.random() < 0.5:
            del hurt[max(16, int(rng.integers(0, len(hurt) + 1))) :]
        hurt = hurt or bytearray(b"\0")
    return bytes(hurt)


def attack(tries: int, seed: int, read: Callable[[bytes], object]) -> dict[str, object]:
    """Read damaged files.

    Args:
        tries: How many.
        seed: What damage.
        read: Reads one file.

    Returns:
        Counts of "read" and of reasons of refusal; "crashes" as (kind of file, number, error); the seconds of
        the slowest, and the most memory of this process in MB.
    """
    rng = np.random.default_rng(seed)
    files = real_files()
    kinds = list(files)
    answers: Counter[str] = Counter()
    crashes: list[tuple[str, int, str]] = []
    slowest = 0.0
    for number in range(tries):
        kind = kinds[number % len(kinds)]
        data = damaged(files[kind], files[kinds[rng.integers(0, len(kinds))]], rng)
        start = time.process_time()
        try:
            read(data)
            answers["read"] += 1
        except UnreadableImageError as error:
            answers[error.reason] += 1
            if not str(error).endswith(".") or "Doe" in str(error):
                crashes.append((kind, number, f"no sentence: {error}"))
        except BaseException as error:  # whatever comes is what is looked for
            crashes.append((kind, number, repr(error)))
        slowest = max(slowest, time.process_time() - start)
    # ru_maxrss would count the memory of the process that started this one
    most = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024
    return {"answers": dict(answers), "crashes": crashes, "slowest": slowest, "megabytes": most}


if __name__ == "__main__":
    print(attack(int(sys.argv[1]), int(sys.argv[2]), lambda data: read_square(data, 64, "A scan")))
