"""The image store as a versioned folder."""

from __future__ import annotations

import base64
import io
import os
import shutil
from pathlib import Path, PurePosixPath

import numpy as np
from kedro_datasets._typing import ImagePreview

from coherent_cxr.datasets.local import LocalDataset
from coherent_cxr.images.store import INDEX, PIXELS, RECORD, ImageStore


class ImageStoreDataset(LocalDataset[ImageStore]):
    """Opens memory-mapped image stores; versions are hard links.

    Saving links the store's files into the new version, so that versions share their disk space; on another
    file system they are copied.
    """

    MEMBER = RECORD

    def load(self) -> ImageStore:
        """Open the store."""
        return ImageStore.open(Path(self._get_load_path()))

    def _write(self, data: ImageStore, path: PurePosixPath) -> None:
        folder = Path(path)
        folder.mkdir()
        for name in (PIXELS, INDEX, RECORD):
            _link_or_copy(data.folder / name, folder / name)

    def preview(self, columns: int = 6, rows: int = 2, size: int = 160) -> ImagePreview:
        """Show images spread evenly over the store.

        Args:
            columns: Images per row.
            rows: Rows of images.
            size: Side of each image in pixels.

        Returns:
            A PNG, base64-encoded.
        """
        from coherent_cxr.images.sheets import montage

        store = self.load()
        places = np.unique(np.linspace(0, len(store) - 1, columns * rows).astype(int))
        data = io.BytesIO()
        montage([store.pixels[place] for place in places], columns, size).save(data, format="PNG")
        return ImagePreview(base64.b64encode(data.getvalue()).decode("ascii"))


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
