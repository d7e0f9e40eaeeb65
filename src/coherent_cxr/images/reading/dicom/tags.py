"""Values of DICOM tags, whatever their encoding."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from coherent_cxr.images.reading.grey import UnreadableImageError
from coherent_cxr.images.reading.limits import check_size
from coherent_cxr.images.reading.notes import Note

PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
PIXEL_TAGS = (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10")
"""How Pixel Data begins, in little and big endian."""
NEEDED = ("Rows", "Columns", "BitsAllocated")
COLOURS, GREYS = ("RGB", "YBR"), ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
MOST_SAMPLES = 4
BINARY = {1: "B", 2: "H", 4: "I"}


def value_of(dataset: Dataset, keyword: str) -> Any:
    """Return a tag's value, its bytes if they are not what its type says, None if it is absent."""
    if keyword not in dataset:
        return None
    try:
        return dataset[keyword].value
    except Exception:  # a type that does not fit the bytes
        return getattr(dataset.get_item(keyword), "value", None)


def text(dataset: Dataset, keyword: str) -> str:
    """Return a tag's first value in capitals with single blanks, as code strings are compared."""
    value = value_of(dataset, keyword)
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    elif not isinstance(value, str) and isinstance(value, Iterable):
        value = next(iter(value), "")
    first = str("" if value is None else value).split("\\")[0]
    return " ".join(first.replace("\0", " ").upper().split())


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """Return the numbers in a tag of any type, also text with backslashes; NaN for what is no number."""
    value = value_of(dataset, keyword)
    if isinstance(value, bytes):
        value = _unpacked(value, dataset)
    if value is None:
        return []
    if isinstance(value, str):
        return [_number(part) for part in value.replace("\0", " ").split("\\") if part.strip()]
    return [_number(one) for one in value] if isinstance(value, Iterable) else [_number(value)]


def whole(dataset: Dataset, keyword: str) -> int | None:
    """Return a tag's first value if it is a whole number, else None."""
    found = numbers(dataset, keyword)
    return int(found[0]) if found and math.isfinite(found[0]) and found[0] == int(found[0]) else None


def syntax_of(dataset: Dataset) -> str:
    """Return the transfer syntax that a file names; empty if it names none."""
    meta = getattr(dataset, "file_meta", None)
    return "" if meta is None else str(value_of(meta, "TransferSyntaxUID") or "")


def check_header(dataset: Dataset, data: bytes, name: str) -> None:
    """Refuse a file without pixels, or without the tags that no decoder can do without.

    Args:
        dataset: The file's tags.
        data: Its bytes: compressed pixels without an end are no tag, but they are there.
        name: What messages call the image.

    Raises:
        UnreadableImageError: Also if the image is too small or too large.
    """
    if not any(keyword in dataset for keyword in PIXELS):
        if any(tag in data for tag in PIXEL_TAGS):
            raise UnreadableImageError(
                "truncated_image", f"{name} breaks off within its pixels; copy it again from its source."
            )
        raise UnreadableImageError("no_pixel_data", f"{name} is a DICOM file without an image.")
    declared = {keyword: whole(dataset, keyword) for keyword in NEEDED}
    missing = [keyword for keyword, value in declared.items() if not value]
    if missing:
        raise UnreadableImageError(
            "missing_dicom_tag", f"{name} lacks the DICOM tags {', '.join(missing)}, so it cannot be decoded."
        )
    bits = declared["BitsAllocated"] or 0
    samples = whole(dataset, "SamplesPerPixel") or 1
    if not 1 <= bits <= 64 or not 1 <= samples <= MOST_SAMPLES:
        raise UnreadableImageError(
            "damaged_image", f"{name} has {bits} bits and {samples} samples for each pixel; no image has."
        )
    check_size(name, declared["Columns"] or 0, declared["Rows"] or 0, -(-bits // 8) * samples)


def complete(dataset: Dataset) -> list[Note]:
    """Give every tag that a decoder needs one plain value; note which had to be assumed."""
    assumed = []
    meta = getattr(dataset, "file_meta", None) or FileMetaDataset()
    dataset.file_meta = meta
    if not value_of(meta, "TransferSyntaxUID"):
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
        assumed.append("TransferSyntaxUID")
    for keyword in NEEDED:
        _set(dataset, keyword, whole(dataset, keyword))
    bits, kind = dataset.BitsAllocated, text(dataset, "PhotometricInterpretation")
    kind = kind.replace(" ", "") if kind.startswith("MONO") else kind
    sign, stored = whole(dataset, "PixelRepresentation"), whole(dataset, "BitsStored")
    declared = {
        "SamplesPerPixel": whole(dataset, "SamplesPerPixel") or None,
        "PhotometricInterpretation": kind,
        "PixelRepresentation": sign if sign in (0, 1) else None,
        "BitsStored": stored if stored and 1 <= stored <= bits else None,
        "PlanarConfiguration": whole(dataset, "PlanarConfiguration"),
    }
    samples = declared["SamplesPerPixel"] or (3 if kind.startswith(COLOURS) else 1)
    if not kind.startswith(COLOURS if samples != 1 else GREYS):
        declared["PhotometricInterpretation"] = None
    usual = {
        "SamplesPerPixel": samples,
        "PhotometricInterpretation": "MONOCHROME2" if samples == 1 else "RGB",
        "PixelRepresentation": 0,
        "BitsStored": bits,
        "PlanarConfiguration": 0,
    }
    for keyword, assumption in usual.items():
        if declared[keyword] is None and not (keyword == "PlanarConfiguration" and samples == 1):
            assumed.append(keyword)
        _set(dataset, keyword, assumption if declared[keyword] is None else declared[keyword])
    high, plain = whole(dataset, "HighBit"), dataset.BitsStored - 1
    _set(dataset, "HighBit", high if high is not None and plain <= high < bits else plain)
    return [Note("assumed_tags", f"Absent tags were assumed: {', '.join(assumed)}.")] if assumed else []


def _set(dataset: Dataset, keyword: str, value: Any) -> None:
    if keyword in dataset:
        del dataset[keyword]  # with it the type it had
    setattr(dataset, keyword, value)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _unpacked(value: bytes, dataset: Dataset) -> Any:
    """Read bytes whose type is unknown: digits as text, else a binary number."""
    digits = value.strip(b" \0")
    if digits and all(byte in b"0123456789+-.eE\\ nNaAiIfF" for byte in digits):
        return digits.decode("ascii")
    if len(value) in BINARY:
        return int.from_bytes(value, "little" if dataset.original_encoding[1] is not False else "big")
    return None
