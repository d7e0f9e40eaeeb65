"""How close building an image store comes to the bare decoder, by format.

Run: python benchmarks/images_throughput.py [--images 96] [--size 256]
The rival decodes the same bytes on the same number of workers and throws the pixels away. Compared is the
processor time per image, which other programs on the machine hardly change: with all cores at work throughput
is cores / processor time. Starting the workers is measured apart and counted for neither.
"""

from __future__ import annotations

import argparse
import io
import resource
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
from ratios import note

from coherent_cxr.images.building import build_store
from coherent_cxr.images.phantom import draw_phantom
from coherent_cxr.images.source import open_source
from coherent_cxr.runtime.cores import usable_cores

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


def processor_time() -> float:
    """Return the seconds that this process and its finished children have computed."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def marginal(work: Callable[[int], object], few: int, many: int) -> tuple[float, float]:
    """Return processor time (s) and images per second of each image beyond a few."""
    measured = []
    for count in (few, many):
        used, start = processor_time(), time.perf_counter()
        work(count)
        measured.append((processor_time() - used, time.perf_counter() - start))
    (used_few, wall_few), (used_many, wall_many) = measured
    return (used_many - used_few) / (many - few), (many - few) / (wall_many - wall_few)


def bare(decode: Callable[[bytes], int], paths: list[Path], workers: int, processes: bool) -> None:
    pool: Executor = (
        ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
        if processes
        else ThreadPoolExecutor(workers)
    )
    with pool:
        list(pool.map(read_and_decode, [decode] * len(paths), paths))


def read_and_decode(decode: Callable[[bytes], int], path: Path) -> int:
    return decode(path.read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=96)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--formats", default="", help="only formats whose name holds this")
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
    print(f"{'format':20} {'bare decoder':>16} {'store':>13} {'ratio':>6} {'store, wall':>14}")
    for name, (data, decode) in kinds.items():
        if arguments.formats not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            in_processes = name.startswith("DICOM")
            extension = "dcm" if in_processes else name.split()[0].lower()
            paths = [Path(folder, f"I{number}.{extension}") for number in range(arguments.images)]
            for path in paths:
                path.write_bytes(data)
            ids = [path.stem for path in paths]
            images = pd.DataFrame({"image_id": ids, "study_id": ids, "view": "frontal"})
            source = open_source(folder)

            def decode_bare(count: int) -> None:
                bare(decode, paths[:count], workers, in_processes)  # noqa: B023 - called before the loop goes on

            def build(count: int) -> None:
                work = Path(folder, f"work{count}")
                build_store(images.head(count), source, arguments.size, work)  # noqa: B023 - as above

            rival, _ = marginal(decode_bare, 4 * workers, arguments.images)
            ours, rate = marginal(build, 4 * workers, arguments.images)
        print(f"{name:20} {1e3 * rival:11.1f} ms {1e3 * ours:10.1f} ms {rival / ours:6.2f} {rate:10.1f} /s")
        note(f"image store, {name}, of the speed", rival / ours, "bare decoder", at_least=0.9)


if __name__ == "__main__":
    main()
