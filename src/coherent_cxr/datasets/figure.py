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
    """Saves a matplotlib figure atomically, and loads it as Kedro's dataset of images does.

    Kedro's dataset of figures imports matplotlib as soon as a catalog names it; most runs draw nothing.
    ``save_args`` are those of ``Figure.savefig``.
    """

    def _write(self, data: Figure, path: PurePosixPath) -> None:
        drawn = io.BytesIO()
        data.savefig(drawn, **self._save_args)
        with self._fs.open(get_filepath_str(path, self._protocol), **self._fs_open_args_save) as file:
            file.write(drawn.getvalue())
        self._invalidate_cache()

    def preview(self) -> ImagePreview:
        """Return the image, base64-encoded, for Kedro-Viz."""
        path = get_filepath_str(self._get_load_path(), self._protocol)
        return ImagePreview(base64.b64encode(self._fs.cat_file(path)).decode("ascii"))
