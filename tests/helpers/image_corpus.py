"""A small corpus of real image files for the tests."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image


def picture(number: int, height: int = 40, width: int = 60) -> np.ndarray:
    """Return noise with so much black and white in it that reading changes no grey level."""
    noise = np.random.default_rng(number).integers(-6, 262, (height, width))
    return np.clip(noise, 0, 255).astype(np.uint8)


def write_folder(folder: Path, count: int, damaged: tuple[int, ...] = ()) -> pd.DataFrame:
    """Write pictures CXR<n>_1.png, two per study, and return their images table."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(count):
        image_id = f"CXR{number // 2}_{number % 2}"
        Image.fromarray(picture(number)).save(folder / f"{image_id}.png")
        if number in damaged:
            data = (folder / f"{image_id}.png").read_bytes()
            (folder / f"{image_id}.png").write_bytes(data[: len(data) // 2])
        rows.append((image_id, f"CXR{number // 2}", ("frontal", "lateral")[number % 2], "test"))
    return pd.DataFrame(rows, columns=["image_id", "study_id", "view", "view_source"])


def write_tar(folder: Path, archive: Path, mode: str = "w") -> Path:
    """Put a folder's files into an archive, in falling order so that order cannot hide a mistake."""
    with tarfile.open(archive, mode) as tar:
        for path in sorted(folder.iterdir(), reverse=True):
            tar.add(path, arcname=f"images/{path.name}")
    return archive


def add_member(archive: Path, name: str, data: bytes, kind: bytes = tarfile.REGTYPE) -> None:
    with tarfile.open(archive, "a") as tar:
        member = tarfile.TarInfo(name)
        member.size, member.type = len(data), kind
        tar.addfile(member, io.BytesIO(data))
