"""Bright is dense, however a file says that it is inverted."""

import numpy as np
import pytest

from coherent_cxr.images.reading.decode import read_image
from helpers.dicom_files import RAMP_12_BIT, dataset, written
from helpers.grey_rule import by_the_rule
from helpers.phantom_files import codes


@pytest.mark.parametrize(
    "text", ["monochrome1", " MONOCHROME1", "Monochrome1 ", "MONOCHROME 1", "MONOCHROME1\0"]
)
def test_monochrome1_is_known_however_it_is_written(text: str) -> None:
    data = written(dataset(RAMP_12_BIT, PhotometricInterpretation=text))
    np.testing.assert_array_equal(read_image(data), 255 - by_the_rule(RAMP_12_BIT))
    assert codes(data) == ["monochrome1_inverted"]


@pytest.mark.parametrize(
    ("kind", "shape", "inverted"),
    [
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME1", "INVERSE", True),  # once, not twice
        ("MONOCHROME2", " inverse", True),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME1", "IDENTITY", True),
    ],
)
def test_an_inverse_presentation_lut_inverts_once(kind: str, shape: str, inverted: bool) -> None:
    data = written(dataset(RAMP_12_BIT, PhotometricInterpretation=kind, PresentationLUTShape=shape))
    wanted = by_the_rule(RAMP_12_BIT)
    np.testing.assert_array_equal(read_image(data), 255 - wanted if inverted else wanted)
    contradictory = kind == "MONOCHROME1" and shape == "IDENTITY"
    assert ("contradictory_inversion" in codes(data)) == contradictory
