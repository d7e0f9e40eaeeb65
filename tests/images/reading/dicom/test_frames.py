"""Of several frames the first whole one is taken."""

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from coherent_cxr.images.reading.decode import UnreadableImageError, read_image
from helpers.dicom_files import RAMP_12_BIT, dataset, written
from helpers.grey_rule import by_the_rule
from helpers.phantom_files import codes


def test_of_too_many_frames_the_first_whole_one_is_taken() -> None:
    made = dataset(np.stack([RAMP_12_BIT, RAMP_12_BIT[::-1]]), NumberOfFrames=5)
    data = written(made)
    np.testing.assert_array_equal(read_image(data), by_the_rule(RAMP_12_BIT))
    assert codes(data) == ["frames_missing"]
    made.PixelData = made.PixelData[: -RAMP_12_BIT.nbytes // 2]  # the second is cut off
    np.testing.assert_array_equal(read_image(written(made)), by_the_rule(RAMP_12_BIT))
    made.PixelData = made.PixelData[: RAMP_12_BIT.nbytes // 2]
    with pytest.raises(UnreadableImageError) as caught:
        read_image(written(made))
    assert caught.value.reason == "truncated_image"


@pytest.mark.parametrize("offsets", [True, False])
@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless, RLELossless])
def test_of_too_many_compressed_frames_the_first_is_taken(syntax: UID, frames: int, offsets: bool) -> None:
    pieces = []
    for pixels in (RAMP_12_BIT, RAMP_12_BIT[::-1])[:frames]:
        one = dataset(np.ascontiguousarray(pixels))
        one.compress(syntax)
        pieces.append(next(pydicom.encaps.generate_fragments(one.PixelData[8 + one.PixelData[4] :])))
    made = dataset(RAMP_12_BIT, NumberOfFrames=7)
    made.PixelData = encapsulate(pieces, has_bot=offsets)
    made["PixelData"].VR, made["PixelData"].is_undefined_length = "OB", True
    made.file_meta.TransferSyntaxUID = syntax
    np.testing.assert_array_equal(read_image(written(made)), by_the_rule(RAMP_12_BIT))
    assert codes(written(made)) == ["frames_missing"]
