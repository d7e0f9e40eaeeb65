"""Contact sheets: a few radiographs side by side, as a figure or as a plain picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from coherent_cxr.images.preparation import RadiographsManifest
from coherent_cxr.images.reading.decode import fit, read_image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXAMPLES = 14


def example_sheet(
    radiographs: RadiographsManifest, images: pd.DataFrame, labels: pd.DataFrame, count: int = EXAMPLES
) -> Figure:
    """Show radiographs that together cover the labels, each titled with its positive labels.

    Args:
        radiographs: Where the images are; the sheet carries their notice.
        images: image_id, study_id, view.
        labels: study_id and one column per CheXpert label.
        count: Number of images.

    Returns:
        A figure of seven columns.
    """
    from matplotlib.figure import Figure

    source = radiographs.open()
    usable = images[images["image_id"].isin(set(source.files))]
    if not radiographs.drawn:
        usable = usable[usable["view"] == "frontal"]
    image_of = usable.groupby("study_id", sort=False)["image_id"].first().to_dict()
    titles = covering_examples(labels[labels["study_id"].isin(set(image_of))], count)
    ids = {image_of[study_id]: title for study_id, title in titles.items()}
    pictures = {image_id: read_image(data, name=image_id) for image_id, data in source.read(list(ids))}
    columns = 7
    rows = -(-len(ids) // columns) or 1
    figure = Figure(figsize=(2.0 * columns, 2.5 * rows + 0.4), dpi=110, layout="constrained")
    figure.suptitle(radiographs.notice, fontsize=9)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, (image_id, title) in zip(axes, ids.items(), strict=False):
        axis.imshow(pictures[image_id], cmap="gray", vmin=0, vmax=255)
        axis.set_title(title, fontsize=8)
    return figure


def covering_examples(labels: pd.DataFrame, count: int) -> Mapping[str, str]:
    """Choose studies that show each label as purely as possible.

    Args:
        labels: study_id and one column per CheXpert label.
        count: Most studies to choose; one per label, in the order of the columns.

    Returns:
        Study to title, its positive labels.
    """
    table = labels.set_index("study_id")
    positive = (table == 1).fillna(value=False).astype(bool)
    others = positive.sum(axis=1) + (table == -1).fillna(value=False).sum(axis=1)
    chosen: dict[str, str] = {}
    for name in positive.columns:
        candidates = others[positive[name] & ~positive.index.isin(list(chosen))]
        if len(candidates) and len(chosen) < count:
            study_id = str(candidates.idxmin())
            chosen[study_id] = ",\n".join(
                column for column in positive.columns if positive.loc[study_id, column]
            )
    return chosen


def montage(pictures: Sequence[NDArray[np.uint8]], columns: int, size: int) -> Image.Image:
    """Lay square pictures out in rows.

    Args:
        pictures: Grey levels (height, width) each.
        columns: Pictures per row.
        size: Side of each picture in pixels.

    Returns:
        One grey picture.
    """
    rows = -(-len(pictures) // columns) or 1
    sheet = Image.new("L", (columns * size, rows * size))
    for number, picture in enumerate(pictures):
        sheet.paste(Image.fromarray(fit(picture, size)), (number % columns * size, number // columns * size))
    return sheet
