"""Reading DICOM radiographs as a viewer would show them; identifying tags are reported, never copied on."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.images.grey import (
    MAX_PIXELS,
    Radiograph,
    UnreadableImageError,
    check_size,
    look_up,
    stretch,
    too_large,
)
from coherent_cxr.images.notes import Note

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

PREAMBLE = 128
DEFLATED = b"1.2.840.10008.1.2.1.99"
NEEDED = ("Rows", "Columns", "BitsAllocated")
IDENTIFYING = (
    "PatientName", "PatientBirthDate", "PatientAddress", "PatientTelephoneNumbers", "PatientMotherBirthName",
    "OtherPatientIDs", "OtherPatientNames", "MilitaryRank", "AccessionNumber", "InstitutionName",
    "InstitutionAddress", "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName",
    "PhysiciansOfRecord", "NameOfPhysiciansReadingStudy", "RequestingPhysician", "StationName",
    "DeviceSerialNumber", "PatientComments", "ImageComments",
)  # fmt: skip
"""Tags of DICOM's basic confidentiality profile that most often still hold a name when they should not."""
BLANKED = re.compile(r"[\s^_*xX0-]*|anon\w*|removed|unknown|none", re.IGNORECASE)
VIEWS = {
    **dict.fromkeys(("PA", "AP", "POSTERO-ANTERIOR", "ANTERO-POSTERIOR", "FRONTAL"), "frontal"),
    **dict.fromkeys(("LL", "RL", "LAT", "LATERAL"), "lateral"),
}
VIEW_TAGS = ["PatientOrientation", "ViewPosition", "ViewCodeSequence", "SeriesDescription"]
ORIENTATIONS = {"A": "lateral", "P": "lateral", "L": "frontal", "R": "frontal"}
_JPEG_2000_SIZE = re.compile(rb"\xff\x4f\xff\x51.{4}(.{4})(.{4})", re.DOTALL)
_JPEG_SIZE = re.compile(rb"\xff[\xc0-\xc3\xf7].{3}(.{2})(.{2})", re.DOTALL)


def is_dicom(data: bytes) -> bool:
    """Tell a DICOM file by its mark after the preamble, or by the group number it starts with."""
    return data[PREAMBLE : PREAMBLE + 4] == b"DICM" or data[:2] in (b"\x02\x00", b"\x08\x00")


def read_dicom(data: bytes, name: str) -> Radiograph:
    """Decode one DICOM image into grey levels.

    Grey levels are rescaled (modality LUT) and windowed (VOI LUT, or else the first window) as the file says;
    without a window they are stretched from darkest to brightest. MONOCHROME1 is inverted, so that bright is
    always dense. Colours become luminance (ITU-R 601). Of several frames the first is taken.

    Args:
        data: Bytes of the file.
        name: What messages call the image.

    Returns:
        The radiograph. Its notes say which identifying tags are filled (never with what), whether annotations
        are burned in, which frame was taken, and what had to be assumed.

    Raises:
        UnreadableImageError: If tags are missing, pixel data are absent, cut off, damaged, too large or
            compressed in a way that no installed decoder reads.
    """
    dataset = _open(data, name)
    try:
        _check_header(dataset, name)
        notes = (*_describe(dataset), *_complete(dataset))
        frame = _decode(dataset, name)
        pixels, more = _grey(frame, dataset)
    except UnreadableImageError:
        raise
    except Exception as error:
        # Tags of a wrong type make pydicom raise nearly anything; its messages may quote values of tags.
        raise UnreadableImageError(
            "damaged_image", f"{name} has DICOM tags that make no sense ({type(error).__name__})."
        ) from error
    height, width = pixels.shape
    return Radiograph(pixels, height, width, notes + more)


def dicom_view(data: bytes) -> str:
    """Return the view that a DICOM file's tags state: ``"frontal"``, ``"lateral"`` or ``"unknown"``.

    A Patient Orientation whose rows run to the front or back says lateral, one to a side frontal. It comes
    first, because "PA" stands on a third of all laterals of Open-I. Then View Position, View Code Sequence
    and Series Description are looked at.
    """
    try:
        dataset = _open(data, "The file", VIEW_TAGS)
        rows = str((dataset.get("PatientOrientation") or [""])[0])[:1].upper()
        if rows in ORIENTATIONS:
            return ORIENTATIONS[rows]
        codes = [item.get("CodeMeaning", "") for item in dataset.get("ViewCodeSequence") or []]
        stated = [str(dataset.get("ViewPosition", "")), *map(str, codes)]
        described = re.findall(r"\w+", str(dataset.get("SeriesDescription", "")))
    except Exception:  # a view that cannot be read is unknown, whatever is wrong with the file
        return "unknown"
    words = [word.strip().upper() for word in (*stated, *described)]
    return next((VIEWS[word] for word in words if word in VIEWS), "unknown")


def _open(data: bytes, name: str, tags: list[str] | None = None) -> Dataset:
    import pydicom

    # Its warnings about odd values would quote them, and they may identify a patient.
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    if DEFLATED in data[:2048]:
        start = PREAMBLE + 16 + int.from_bytes(data[PREAMBLE + 12 : PREAMBLE + 16], "little")
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            inflate.decompress(data[start:], 4 * MAX_PIXELS)
        except zlib.error as error:
            raise UnreadableImageError("damaged_image", f"{name} is a damaged DICOM file.") from error
        if inflate.unconsumed_tail:
            raise UnreadableImageError("image_too_large", too_large(name))
    try:
        return pydicom.dcmread(io.BytesIO(data), force=True, specific_tags=tags)
    except Exception as error:
        raise UnreadableImageError(
            "damaged_image", f"{name} is a damaged DICOM file ({type(error).__name__}); copy it again."
        ) from error


def _check_header(dataset: Dataset, name: str) -> None:
    if not any(tag in dataset for tag in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise UnreadableImageError("no_pixel_data", f"{name} is a DICOM file without an image.")
    missing = [tag for tag in NEEDED if dataset.get(tag) in (None, "")]
    if missing:
        raise UnreadableImageError(
            "missing_dicom_tag", f"{name} lacks the DICOM tags {', '.join(missing)}, so it cannot be decoded."
        )
    check_size(name, int(dataset.Columns), int(dataset.Rows))


def _complete(dataset: Dataset) -> list[Note]:
    """Fill in tags that a decoder needs and that have one usual value."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    assumed = []
    meta = getattr(dataset, "file_meta", None) or FileMetaDataset()
    dataset.file_meta = meta
    if "TransferSyntaxUID" not in meta:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
        assumed.append("TransferSyntaxUID")
    samples = 3 if str(dataset.get("PhotometricInterpretation", "")).startswith(("RGB", "YBR")) else 1
    usual = {
        "SamplesPerPixel": samples,
        "PhotometricInterpretation": "RGB" if dataset.get("SamplesPerPixel", 1) == 3 else "MONOCHROME2",
        "PixelRepresentation": 0,
        "BitsStored": dataset.BitsAllocated,
        "PlanarConfiguration": 0,
    }
    for tag, value in usual.items():
        if dataset.get(tag) in (None, "") and not (tag == "PlanarConfiguration" and samples == 1):
            setattr(dataset, tag, value)
            assumed.append(tag)
    dataset.HighBit = dataset.BitsStored - 1
    return [Note("assumed_tags", f"Absent tags were assumed: {', '.join(assumed)}.")] if assumed else []


def _describe(dataset: Dataset) -> Iterator[Note]:
    filled = [tag for tag in IDENTIFYING if not BLANKED.fullmatch(str(dataset.get(tag) or ""))]
    if filled:
        yield Note("identifying_tags", f"These tags are filled; they were not copied: {', '.join(filled)}.")
    if str(dataset.get("BurnedInAnnotation", "")).upper() == "YES":
        yield Note("burned_in_annotation", "The file says that its pixels may identify the patient.")
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames > 1:
        yield Note("multi_frame", f"The first of {frames} frames was taken.")


def _decode(dataset: Dataset, name: str) -> NDArray[Any]:
    from pydicom.pixels.utils import pixel_array

    from coherent_cxr.images import jpeg_plugin

    jpeg_plugin.install()
    syntax = dataset.file_meta.TransferSyntaxUID
    _check_codestream(dataset, name)
    try:
        frame: NDArray[Any] = pixel_array(dataset, index=0)
    except Exception as error:
        short = "less than expected" in str(error) or "truncated" in str(error).lower()
        raise UnreadableImageError(
            "truncated_image" if short else "damaged_image",
            f"{name} ({syntax.name}) cannot be decoded: {' '.join(str(error).split())[:200].rstrip('.')}.",
        ) from error
    return frame


def _check_codestream(dataset: Dataset, name: str) -> None:
    """Refuse compressed data whose own header states a far larger image than the tags: a bomb."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if "JPEG" not in syntax.name:
        return
    size = (_JPEG_2000_SIZE if "JPEG 2000" in syntax.name else _JPEG_SIZE).search(
        dataset.PixelData[: 1 << 16]
    )
    if size is None:
        return
    first, second = (int.from_bytes(side, "big") for side in size.groups())
    if first * second > MAX_PIXELS:
        raise UnreadableImageError(
            "image_too_large",
            f"{name} is {dataset.Columns} × {dataset.Rows} by its tags, "
            f"but its compressed data say {first} × {second}; it was not decoded.",
        )


def _grey(frame: NDArray[Any], dataset: Dataset) -> tuple[NDArray[np.uint8], tuple[Note, ...]]:
    from pydicom.pixels.processing import apply_color_lut

    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        frame = apply_color_lut(frame, dataset)
    if frame.ndim == 3:
        luminance = frame[..., :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
        most = 1 if frame.dtype.kind == "f" else np.iinfo(frame.dtype).max
        return stretch(luminance, 0, float(most)), ()
    padding = dataset.get("PixelPaddingValue")
    padded = frame == padding if isinstance(padding, int) else None
    inside = frame if padded is None or padded.all() else frame[~padded]
    # Every step looks at one pixel alone, so it is done once per grey level instead of once per pixel.
    by_level = frame.dtype.kind in "iu" and frame.dtype.itemsize <= 2
    levels = np.arange(int(inside.min()), int(inside.max()) + 1) if by_level else inside
    grey, notes = _shown(levels, dataset)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        grey = 255 - grey
    if by_level:
        return look_up(frame, levels, grey), notes
    shown = np.zeros(frame.shape, dtype=np.uint8)
    shown[slice(None) if inside is frame else ~padded] = grey  # type: ignore[operator]
    return shown, notes


def _shown(levels: NDArray[Any], dataset: Dataset) -> tuple[NDArray[np.uint8], tuple[Note, ...]]:
    """Rescale and window stored values as the file says, else stretch them."""
    from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

    values = apply_modality_lut(levels, dataset)
    if dataset.get("VOILUTSequence"):
        grey = _look_up(values, dataset.VOILUTSequence[0])
    elif dataset.get("WindowCenter") is not None and dataset.get("WindowWidth") is not None:
        try:
            ends = apply_voi_lut(np.array([-(2.0**40), 2.0**40]), dataset)  # what becomes black and white
            grey = stretch(apply_voi_lut(values, dataset), *map(float, ends))
        except ValueError:
            grey = np.zeros(values.shape, dtype=np.uint8)
    else:
        return stretch(values), ()
    if grey.min() == grey.max() and values.min() < values.max():
        note = Note("window_ignored", "Its window shows nothing, so grey levels were stretched instead.")
        return stretch(values), (note,)
    return grey, ()


def _look_up(values: NDArray[Any], item: Dataset) -> NDArray[np.uint8]:
    """Apply a VOI LUT; pydicom 3.0 overflows where 8-bit entries are more than 256."""
    entries, first, bits = item.LUTDescriptor
    data = item.LUTData
    if isinstance(data, bytes):
        data = np.frombuffer(data, np.uint8 if len(data) == entries else "<u2")
    table = np.asarray(data)
    place = np.clip(np.round(values) - first, 0, len(table) - 1).astype(np.int64)
    return stretch(table[place], 0, 2.0**bits - 1)
