"""Padding is black and counts for no percentile."""

import numpy as np
import pytest
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from coherent_cxr.images.reading.decode import read_image
from helpers.dicom_files import dataset, written
from helpers.grey_rule import by_the_rule
from helpers.phantom_files import PHANTOM, apart, codes, deep, dicom


@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize(
    ("value", "limit", "filled"),
    [(60000, None, 60000), (60000, 65535, 62000), (65535, 60000, 62000), (0, 99, 50)],
)
def test_padding_is_black_and_counts_for_no_percentile(
    syntax: UID | None, value: int, limit: int | None, filled: int
) -> None:
    pixels = deep(12) + 100
    pixels[:, :50] = filled
    tags = {"PixelPaddingValue": value, **({} if limit is None else {"PixelPaddingRangeLimit": limit})}
    made = dataset(pixels, **tags)
    if syntax == ExplicitVRBigEndian:
        made.PixelData = pixels.astype(">u2").tobytes()
        made["PixelData"].VR = "OW"
    made.file_meta.TransferSyntaxUID = syntax or made.file_meta.TransferSyntaxUID
    grey = read_image(written(made))
    assert (grey[:, :50] == 0).all()
    np.testing.assert_array_equal(grey[:, 50:], by_the_rule(pixels[:, 50:]))


def test_padding_below_zero_is_found_however_it_is_written() -> None:
    pixels = (deep(12).astype(np.int32) - 1000).astype(np.int16)
    pixels[:50] = -2000
    wanted = by_the_rule(pixels[50:])
    for value, vr in ((-2000, "SS"), (63536, "US"), ("-2000", "IS")):
        made = dataset(pixels)
        made.add_new("PixelPaddingValue", vr, value)
        grey = read_image(written(made))
        assert (grey[:50] == 0).all(), vr
        np.testing.assert_array_equal(grey[50:], wanted)


def test_padding_that_covers_everything_is_ignored_and_said() -> None:
    data = dicom(12, PixelPaddingValue=0, PixelPaddingRangeLimit=4095)
    assert apart(read_image(data), by_the_rule(PHANTOM)) <= 1
    assert codes(data) == ["padding_ignored"]
