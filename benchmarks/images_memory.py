"""Peak memory of building an image store, by number of images: what is held must not be pixels.

Run: python benchmarks/images_memory.py [--images 100000 200000 400000]
A tar archive of tiny PNG files stands for MIMIC-CXR's 377,110 images; each size runs in a process of its own.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from coherent_cxr.images.building import build_store
from coherent_cxr.images.source import open_source

SIZE = 64


def publish(path: Path, count: int) -> None:
    """Write an archive of images named as MIMIC-CXR names them."""
    data = io.BytesIO()
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).save(data, format="PNG")
    with tarfile.open(path, "w") as archive:
        for number in range(count):
            member = tarfile.TarInfo(f"files/p10/p{number:08d}/s{number:08d}/{image_id(number)}.png")
            member.size = len(data.getvalue())
            archive.addfile(member, io.BytesIO(data.getvalue()))
            archive.members = []  # type: ignore[attr-defined]  # tarfile would keep every member otherwise


def image_id(number: int) -> str:
    return f"{number:08x}-{number:08x}-{number:08x}-{number:08x}-{number:08x}"


class Watch(threading.Thread):
    """Remembers the most memory that this process held for itself; the mapped store is the kernel's."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0

    def run(self) -> None:
        """Look every 50 ms."""
        while True:
            status = Path("/proc/self/status").read_text()
            held = int(status.split("RssAnon:")[1].split()[0]) * 1024
            self.peak = max(self.peak, held)
            time.sleep(0.05)


def build(path: Path, count: int) -> None:
    """Build the store and print seconds and the most memory that was held."""
    watch = Watch()
    watch.start()
    start = time.perf_counter()
    ids = [image_id(number) for number in range(count)]
    studies = [f"{number:08d}" for number in range(count)]
    images = pd.DataFrame({"image_id": ids, "study_id": studies, "view": "frontal"})
    store, _ = build_store(images, open_source(path), SIZE, path.parent / "work")
    pixels = store.pixels.nbytes
    seconds = time.perf_counter() - start
    print(f"{count:>9,} {seconds:8.0f} s {pixels / 1e9:10.2f} GB {watch.peak / 1e9:12.2f} GB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, nargs="+", default=[100_000, 200_000, 400_000])
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.build:
        build(arguments.build, arguments.images[0])
        return
    print(f"{'images':>9} {'time':>10} {'pixels':>13} {'peak memory':>15}", flush=True)
    for count in arguments.images:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "images.tar")
            publish(path, count)
            command = [sys.executable, __file__, "--images", str(count), "--build", str(path)]
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
