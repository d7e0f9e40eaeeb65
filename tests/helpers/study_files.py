"""Image files of studies, DICOM and others, in a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.uid import generate_uid

from helpers.dicom_files import dataset, written

NAME = "Doe^Jane"


def levels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (64, 48), dtype=np.uint8)


def write_png(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(levels(seed)).save(path)
    return path


def write_dicom(path: Path, study_uid: str | None, seed: int = 0, **tags: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    made = dataset(
        levels(seed).astype(np.uint16) * 16,
        PatientName=NAME,
        SeriesInstanceUID=f"{study_uid or '1'}.{seed + 1}",
        SOPInstanceUID=generate_uid(entropy_srcs=[str(path)]),
    )
    if study_uid is not None:
        made.StudyInstanceUID = study_uid
    for tag, value in tags.items():
        setattr(made, tag, value)
    path.write_bytes(written(made))
    return path
