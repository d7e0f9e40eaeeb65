"""How close building an image store comes to the bare decoder: images per second on all cores, by format.

Run: python benchmarks/images_throughput.py [--images 96] [--size 256]
The rival decodes the same bytes on the same number of workers and throws the pixels away. Starting the
workers is measured apart and counted for neither.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    UID,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    generate_uid,
)

from coherent_cxr.images.building import build_store
from coherent_cxr.images.decoding_workers import usable_cores
from coherent_cxr.images.phantom import draw_phantom
from coherent_cxr.images.source import open_source

HEIGHT, WIDTH = 2500, 2048


def picture() -> NDArray[np.uint16]:
    """Return a phantom of a detector's size with 12 bits and noise in the lowest four."""
    drawn = Image.fromarray(draw_phantom("benchmark", {}, [], size=1024)).resize((WIDTH, HEIGHT))
    noise = np.random.default_rng(0).integers(0, 16, (HEIGHT, WIDTH), dtype=np.uint16)
    return np.asarray(drawn).astype(np.uint16) * 16 + noise


def with_pillow(pixels: NDArray[np.uint16], kind: str) -> bytes:
    image = Image.fromarray(pixels if kind == "PNG 16 bit" else (pixels >> 4).astype(np.uint8))
    data = io.BytesIO()
    image.save(data, format=kind.split()[0], **({"quality": 95} if kind == "JPEG" else {}))
    return data.getvalue()


def as_dicom(pixels: NDArray[np.uint16], syntax: UID) -> bytes:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.WindowCenter, dataset.WindowWidth = 2048, 4096
    dataset.PixelData = pixels.tobytes()
    if syntax != ExplicitVRLittleEndian:
        dataset.compress(syntax)
    data = io.BytesIO()
    dataset.save_as(data, enforce_file_format=True)
    return data.getvalue()


def bare_pillow(data: bytes) -> int:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image.width


def bare_pydicom(data: bytes) -> int:
    return len(pixel_array(pydicom.dcmread(io.BytesIO(data))))


def rival(decode: Callable[[bytes], int], paths: list[Path], workers: int, processes: bool) -> float:
    pool: Executor = (
        ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
        if processes
        else ThreadPoolExecutor(workers)
    )
    with pool:
        list(pool.map(decode, [paths[0].read_bytes()] * workers))  # start-up is not counted
        start = time.perf_counter()
        list(pool.map(read_and_decode, [decode] * len(paths), paths))
        return len(paths) / (time.perf_counter() - start)


def read_and_decode(decode: Callable[[bytes], int], path: Path) -> int:
    return decode(path.read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=96)
    parser.add_argument("--size", type=int, default=256)
    arguments = parser.parse_args()
    workers, pixels = usable_cores(), picture()
    kinds: dict[str, tuple[bytes, Callable[[bytes], int]]] = {
        kind: (with_pillow(pixels, kind), bare_pillow) for kind in ("JPEG", "PNG 8 bit", "PNG 16 bit")
    }
    for name, syntax in (
        ("DICOM uncompressed", ExplicitVRLittleEndian),
        ("DICOM JPEG-LS", JPEGLSLossless),
        ("DICOM JPEG 2000", JPEG2000Lossless),
    ):
        kinds[name] = (as_dicom(pixels, syntax), bare_pydicom)
    print(f"{arguments.images} images of {WIDTH} x {HEIGHT}, store of {arguments.size} px, {workers} workers")
    print(f"{'format':20} {'bare decoder':>14} {'store':>14} {'ratio':>7} {'start-up':>11}")
    for name, (data, decode) in kinds.items():
        with tempfile.TemporaryDirectory() as folder:
            extension = "dcm" if name.startswith("DICOM") else name.split()[0].lower()
            paths = [Path(folder, f"I{number}.{extension}") for number in range(arguments.images)]
            for path in paths:
                path.write_bytes(data)
            ids = [path.stem for path in paths]
            images = pd.DataFrame({"image_id": ids, "study_id": ids, "view": "frontal"})
            bare = rival(decode, paths, workers, extension == "dcm")
            source = open_source(folder)
            seconds = []
            for count in (workers, arguments.images):
                start = time.perf_counter()
                build_store(images.head(count), source, arguments.size, Path(folder, f"work{count}"))
                seconds.append(time.perf_counter() - start)
            ours = (arguments.images - workers) / (seconds[1] - seconds[0])
        print(f"{name:20} {bare:10.1f}/s {ours:12.1f}/s {ours / bare:7.2f} {seconds[0]:9.1f} s")


if __name__ == "__main__":
    main()
