"""Windows, rescales and tables of levels are applied whatever their type, or refused."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    ExplicitVRBigEndian,
)

from coherent_cxr.images.reading.decode import UnreadableImageError, read_image
from helpers.dicom_files import RAMP_12_BIT, dataset, written
from helpers.grey_rule import by_the_rule
from helpers.phantom_files import TWELVE, apart, codes


@pytest.mark.parametrize(
    ("vr", "centre", "width"),
    [
        ("DS", "1000", "800"),
        ("DS", ["1000", "3000"], ["800", "10"]),
        ("LO", "1000\\3000", "800\\10"),
        ("ST", "1000\\3000", "800\\10"),
        ("ST", " 1000 ", "8e2"),
        ("US", 1000, 800),
        ("FD", [1000.0, 3000.0], [800.0, 10.0]),
        ("UN", b"1000\\3000", b"800\\10"),
        ("OB", b"1000", b"800 "),
        ("IS", ["1000", "1"], "800"),
    ],
)
def test_a_window_is_read_whatever_its_type(vr: str, centre: object, width: object) -> None:
    made = dataset(RAMP_12_BIT, **TWELVE)
    made.add_new("WindowCenter", vr, centre)
    made.add_new("WindowWidth", vr, width)
    wanted = by_the_rule(np.clip((RAMP_12_BIT - 999.5) / 799 + 0.5, 0, 1))
    np.testing.assert_array_equal(read_image(written(made)), wanted)
    assert codes(written(made)) == []


@pytest.mark.parametrize(
    ("centre", "width"),
    [("nan", "800"), ("1000", "inf"), ("abc", "def"), ("1000", "-5"), ("1000", None), ("1e300", "10")],
)
def test_a_window_that_is_none_is_ignored_and_said(centre: str, width: str | None) -> None:
    made = dataset(RAMP_12_BIT, **TWELVE)
    made.add_new("WindowCenter", "LO", centre)
    if width is not None:
        made.add_new("WindowWidth", "LO", width)
    np.testing.assert_array_equal(read_image(written(made)), by_the_rule(RAMP_12_BIT))
    assert codes(written(made)) == ["window_ignored"]


@pytest.mark.parametrize(
    "tags",
    [
        {"RescaleSlope": "nan"},
        {"RescaleSlope": "inf", "RescaleIntercept": "0"},
        {"RescaleSlope": "1e300", "RescaleIntercept": "0"},
        {"RescaleSlope": "-1e300"},
        {"RescaleSlope": "1e-300"},
        {"RescaleSlope": "0"},
        {"RescaleSlope": "one"},
        {"RescaleSlope": "1", "RescaleIntercept": "nan"},
        {"RescaleIntercept": "1e300"},
    ],
)
def test_a_senseless_rescale_is_refused(tags: dict[str, str]) -> None:
    made = dataset(RAMP_12_BIT)
    for keyword, value in tags.items():
        made.add_new(keyword, "LO", value)
    with pytest.raises(UnreadableImageError, match=r"rescales its numbers with slope .*\.$") as caught:
        read_image(written(made), "A scan")
    assert caught.value.reason == "senseless_rescale"


def test_a_voi_lut_in_bytes_words_and_big_endian_is_the_same() -> None:
    table = np.sqrt(np.arange(4096)) * 4  # up to 256
    wanted = by_the_rule(np.floor(table).clip(0, 255)[RAMP_12_BIT])
    for bits, entries in ((8, "u1"), (16, "<u2")):
        lut = Dataset()
        lut.LUTDescriptor = [4096, 0, bits]
        lut.add_new("LUTData", "OW", np.floor(table).clip(0, 255).astype(entries).tobytes())
        assert apart(read_image(written(dataset(RAMP_12_BIT, VOILUTSequence=[lut]))), wanted) == 0
    lut = Dataset()
    lut.LUTDescriptor = [4096, 0, 16]
    lut.add_new("LUTData", "OW", np.floor(table).clip(0, 255).astype(">u2").tobytes())
    made = dataset(RAMP_12_BIT, VOILUTSequence=[lut])
    made.PixelData = RAMP_12_BIT.astype(">u2").tobytes()
    made["PixelData"].VR = "OW"
    made.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    assert apart(read_image(written(made)), wanted) == 0
