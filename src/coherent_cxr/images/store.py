"""The image store: every prepared radiograph of a corpus in one memory-mapped array with its index."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

PIXELS, INDEX, RECORD = "pixels.npy", "index.parquet", "store.json"
FORMAT = 2
"""Counts up when grey levels change too, so that a store of the old ones is made again."""
VIEW_ORDER = {"frontal": 0, "unknown": 1, "lateral": 2}


class ImageStoreError(RuntimeError):
    """A folder that is not a whole image store."""


class ImageStore:
    """Radiographs of one size, decoded once; open it with :meth:`open`.

    Attributes:
        folder: Where its three files lie: pixels, index and record.
        pixels: Grey levels (images, size, size), uint8, memory-mapped read-only.
        index: One row per image: row (position in ``pixels``), image_id, study_id, view, and the height and
            width (pixels) of the original image.
        size: Side of the square images in pixels.
        digest: SHA-256 over pixels and index: two stores with the same digest hold the same images.
    """

    def __init__(self, folder: Path, pixels: NDArray[np.uint8], index: pd.DataFrame, size: int, digest: str):
        self.folder = folder
        self.pixels = pixels
        self.index = index
        self.size = size
        self.digest = digest

    @classmethod
    def open(cls, folder: str | Path) -> ImageStore:
        """Open a finished store without reading its pixels into memory.

        Args:
            folder: The store's folder.

        Raises:
            ImageStoreError: If a file is missing or its shape does not fit the record.
        """
        folder = Path(folder)
        missing = [name for name in (RECORD, INDEX, PIXELS) if not (folder / name).is_file()]
        if missing:
            raise ImageStoreError(
                f"{folder} is not an image store ({', '.join(missing)} missing); "
                "run the pipeline 'image_preparation'."
            )
        record = _record(folder / RECORD)
        if record.get("format") != FORMAT:
            raise ImageStoreError(
                f"{folder} has image store format {record.get('format')}, this version reads {FORMAT}; "
                "run the pipeline 'image_preparation' again."
            )
        index = pd.read_parquet(folder / INDEX)
        count, size = record["count"], record["size"]
        pixels = _map_pixels(folder / PIXELS, count, size)
        if len(index) != count:
            raise ImageStoreError(
                f"{folder} has {count} images but {len(index)} index rows; prepare it again."
            )
        return cls(folder, pixels, index, size, record["digest"])

    def __reduce__(self) -> tuple[Callable[[Path], ImageStore], tuple[Path]]:
        # It travels to other processes as the name of its folder, not as its pixels.
        return ImageStore.open, (self.folder.resolve(),)

    def __len__(self) -> int:
        return len(self.index)

    def row_of(self, image_id: str) -> int:
        """Return an image's position in ``pixels``.

        Raises:
            KeyError: If the store does not hold the image.
        """
        try:
            return self._row_of_image[image_id]
        except KeyError:
            raise KeyError(
                f"The image store holds no image '{image_id}'; see image_exclusions for why."
            ) from None

    def rows_of_study(self, study_id: str) -> list[int]:
        """Return the positions in ``pixels`` of a study's images, frontal first; empty if it has none."""
        return self._rows_of_study.get(study_id, [])

    def verify(self) -> None:
        """Read everything and compare it with the recorded digest.

        Raises:
            ImageStoreError: If a byte has changed since the store was written.
        """
        if content_digest(self.folder / PIXELS, self.index) != self.digest:
            raise ImageStoreError(
                f"The image store {self.folder} has changed since it was written; delete it and run the "
                "pipeline 'image_preparation' again."
            )

    @cached_property
    def _row_of_image(self) -> dict[str, int]:
        return dict(zip(self.index["image_id"], self.index["row"].tolist(), strict=True))

    @cached_property
    def _rows_of_study(self) -> dict[str, list[int]]:
        order = self.index["view"].map(VIEW_ORDER).fillna(len(VIEW_ORDER))
        rows: dict[str, list[int]] = {}
        by_view = self.index.assign(order=order).sort_values(["order", "row"], kind="stable")
        for study_id, row in zip(by_view["study_id"], by_view["row"].tolist(), strict=True):
            rows.setdefault(study_id, []).append(row)
        return rows


def content_digest(pixels: Path, index: pd.DataFrame) -> str:
    """Return the SHA-256 over a pixel file and an index's rows, reading the file in pieces."""
    digest = hashlib.sha256()
    with pixels.open("rb") as file:
        while piece := file.read(1 << 22):
            digest.update(piece)
    digest.update(index.to_csv(index=False).encode())
    return digest.hexdigest()


def _record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ImageStoreError(
            f"{path} is damaged ({error}); delete it and run 'image_preparation' again."
        ) from error
    if not isinstance(record, dict):
        raise ImageStoreError(f"{path} is no record of a store; delete it and run 'image_preparation' again.")
    return record


def _map_pixels(path: Path, count: int, size: int) -> NDArray[np.uint8]:
    try:
        pixels: NDArray[np.uint8] = np.load(path, mmap_mode="r")
    except (ValueError, OSError) as error:
        raise ImageStoreError(f"{path} is damaged ({error}); run 'image_preparation' again.") from error
    if pixels.shape != (count, size, size) or pixels.dtype != np.uint8:
        raise ImageStoreError(
            f"{path} holds {pixels.dtype} {pixels.shape}, its record says uint8 {(count, size, size)}; "
            "run 'image_preparation' again."
        )
    return pixels
