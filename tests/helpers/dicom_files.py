"""DICOM files written for the tests: real syntax, invented patients."""

import io

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

RAMP_12_BIT = np.linspace(0, 4095, 64 * 48).round().astype(np.uint16).reshape(48, 64)


def dataset(pixels: np.ndarray, **tags: object) -> Dataset:
    """Return an uncompressed image; ``tags`` set further elements, None removes one."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["a test"])
    frames = pixels.shape[0] if pixels.ndim == 3 and pixels.shape[-1] != 3 else 1
    made.Rows, made.Columns = pixels.shape[-3:-1] if pixels.shape[-1] == 3 else pixels.shape[-2:]
    made.SamplesPerPixel = 3 if pixels.shape[-1] == 3 else 1
    made.PhotometricInterpretation = "RGB" if made.SamplesPerPixel == 3 else "MONOCHROME2"
    if made.SamplesPerPixel == 3:
        made.PlanarConfiguration = 0
    if frames > 1:
        made.NumberOfFrames = frames
    made.BitsAllocated = made.BitsStored = 8 * pixels.dtype.itemsize
    made.HighBit = made.BitsStored - 1
    made.PixelRepresentation = int(pixels.dtype.kind == "i")
    made.PixelData = pixels.tobytes()
    for tag, value in tags.items():
        if value is None:
            delattr(made, tag)
        else:
            setattr(made, tag, value)
    return made


def written(made: Dataset, compressed: UID | None = None) -> bytes:
    if compressed is not None:
        made.compress(compressed)
    data = io.BytesIO()
    made.save_as(data, enforce_file_format=True)
    return data.getvalue()
