"""Figures as image files."""

from __future__ import annotations

import base64
import io
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from kedro.io.core import get_filepath_str
from kedro_datasets import pillow as kedro_pillow
from kedro_datasets._typing import ImagePreview
from PIL import Image

from coherent_cxr.datasets.whole import WholeDataset

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class FigureDataset(WholeDataset[Any, Image.Image], kedro_pillow.ImageDataset):
    """Saves matplotlib figures as Kedro's image files, atomically, and loads them as Pillow images.

    Kedro's dataset of figures imports matplotlib with every catalog that has one, which most runs do without.
    """

    def _write(self, data: Figure, path: PurePosixPath) -> None:
        drawn = io.BytesIO()
        data.savefig(drawn)
        with Image.open(drawn) as image:
            super()._write(image, path)

    def preview(self) -> ImagePreview:
        """Return the image, base64-encoded, for Kedro-Viz."""
        path = get_filepath_str(self._get_load_path(), self._protocol)
        return ImagePreview(base64.b64encode(self._fs.cat_file(path)).decode("ascii"))
