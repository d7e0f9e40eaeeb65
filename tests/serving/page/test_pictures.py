"""Pictures of the page: the patient's side only where the file says it, maps on one scale."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from coherent_cxr.pages.colours import RAMP
from coherent_cxr.serving.page.pictures import attention_picture, radiograph_picture, side_at_left
from helpers.dicom_files import RAMP_12_BIT, dataset, written


def opened(address: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(address.removeprefix("data:image/png;base64,"))))


@pytest.mark.parametrize(
    ("orientation", "side"),
    [
        (["L", "F"], "R"),
        (["R", "F"], "L"),
        (["LF", "F"], "R"),
        (["P", "F"], None),
        (["", ""], None),
        (None, None),
    ],
)
def test_the_side_is_the_opposite_of_where_the_rows_run(orientation, side) -> None:
    tags = {} if orientation is None else {"PatientOrientation": orientation}
    assert side_at_left(written(dataset(RAMP_12_BIT, **tags))) == side


@pytest.mark.parametrize(
    "data", [b"", b"\x89PNG", b"\x08\x00" + b"\xff" * 50, b"x" * 128 + b"DICM" + b"\xff" * 9]
)
def test_a_file_that_says_no_side_has_none(data: bytes) -> None:
    assert side_at_left(data) is None


def test_a_radiograph_stands_in_a_square_as_the_model_reads_it() -> None:
    picture = opened(radiograph_picture(written(dataset(RAMP_12_BIT)), "one"))
    assert (picture.size, picture.mode) == ((64, 64), "L")
    levels = np.asarray(picture)
    assert levels[:8].max() == 0  # 48 of 64 rows, in the middle
    assert levels[-8:].max() == 0
    assert levels[54, 60] > 250


def test_a_large_radiograph_is_shown_smaller() -> None:
    large = np.tile(np.linspace(0, 4095, 1500).astype(np.uint16), (1200, 1))
    assert opened(radiograph_picture(written(dataset(large)), "one")).size == (1024, 1024)


def test_a_map_is_one_pixel_a_cell_and_nothing_where_nothing_is() -> None:
    regions = np.array([[0.0, 0.2], [0.1, 0.4]])
    pixels = np.asarray(opened(attention_picture(regions, 0.4)))
    assert pixels.shape == (2, 2, 4)
    assert pixels[0, 0, 3] == 0
    assert tuple(pixels[1, 1]) == (*RAMP[2], round(255 * 0.7))
    assert tuple(pixels[0, 1, :3]) == RAMP[1]
