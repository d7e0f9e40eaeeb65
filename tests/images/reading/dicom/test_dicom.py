"""DICOM radiographs look as a viewer shows them, and what their tags give away is reported, not kept."""

import io
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from coherent_cxr.images.reading.decode import UnreadableImageError, read_image, read_radiograph
from coherent_cxr.images.reading.dicom.remarks import IDENTIFYING
from helpers.dicom_files import RAMP_12_BIT, dataset, written
from helpers.grey_rule import by_the_rule

PUBLISHED = Path(pydicom.__file__).parent / "data" / "test_files"


RAMP_8_BIT = by_the_rule(RAMP_12_BIT)


def _codes(data: bytes) -> dict[str, str]:
    return dict(read_radiograph(data, "A scan").notes)


@pytest.mark.parametrize("compressed", [None, JPEGLSLossless, JPEG2000Lossless, RLELossless])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_every_depth_and_lossless_syntax_gives_the_same_grey_levels(
    bits: int, compressed: pydicom.uid.UID | None
) -> None:
    levels = np.linspace(0, 2**bits - 1, 64 * 48).round().reshape(48, 64)
    made = dataset(levels.astype(np.uint8 if bits == 8 else np.uint16), BitsStored=bits, HighBit=bits - 1)
    np.testing.assert_array_equal(read_image(written(made, compressed)), by_the_rule(levels))


def test_jpeg_lossless_and_12_bit_jpeg_are_decoded() -> None:
    made = dataset(RAMP_12_BIT, BitsStored=12, HighBit=11)
    lossless = imagecodecs.jpeg8_encode(RAMP_12_BIT, lossless=True, bitspersample=16)
    made.PixelData = encapsulate([lossless])
    made.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    np.testing.assert_array_equal(read_image(written(made)), RAMP_8_BIT)
    made.PixelData = encapsulate([imagecodecs.jpeg8_encode(RAMP_12_BIT, level=100, bitspersample=12)])
    made.file_meta.TransferSyntaxUID = JPEGExtended12Bit
    assert np.abs(read_image(written(made)).astype(int) - RAMP_8_BIT).max() <= 1


def test_monochrome1_is_inverted_so_that_bright_is_dense() -> None:
    grey = read_image(written(dataset(RAMP_12_BIT, PhotometricInterpretation="MONOCHROME1")))
    np.testing.assert_array_equal(grey, 255 - RAMP_8_BIT)


def test_window_is_applied_as_the_standard_defines_it() -> None:
    made = dataset(RAMP_12_BIT, WindowCenter=2048, WindowWidth=1000, BitsStored=12, HighBit=11)
    grey = read_image(written(made))
    # PS3.3 C.11.2.1.2.1: ((x - (c - 0.5)) / (w - 1) + 0.5), clipped
    wanted = np.clip(((RAMP_12_BIT - 2047.5) / 999 + 0.5) * 255, 0, 255)
    assert np.abs(grey - wanted).max() <= 0.5 + 1e-3
    assert (grey == 0).sum() > 400
    assert (grey == 255).sum() > 400


def test_exact_and_sigmoid_windows() -> None:
    tags = {"WindowCenter": 2048, "WindowWidth": 1000, "BitsStored": 12, "HighBit": 11}
    exact = read_image(written(dataset(RAMP_12_BIT, **tags, VOILUTFunction="LINEAR_EXACT")))
    assert np.abs(exact - by_the_rule(np.clip((RAMP_12_BIT - 2048.0) / 1000 + 0.5, 0, 1))).max() <= 0.51
    sigmoid = read_image(written(dataset(RAMP_12_BIT, **tags, VOILUTFunction="SIGMOID")))
    assert np.abs(sigmoid - by_the_rule(1 / (1 + np.exp(-4 * (RAMP_12_BIT - 2048.0) / 1000)))).max() <= 0.51


def test_rescale_comes_before_the_window() -> None:
    signed = (RAMP_12_BIT.astype(np.int32) - 1000).astype(np.int16)
    tags = {"RescaleSlope": "2", "RescaleIntercept": "100", "WindowCenter": 2000, "WindowWidth": 1000}
    grey = read_image(written(dataset(signed, **tags)))
    wanted = np.clip(((2.0 * signed + 100 - 1999.5) / 999 + 0.5) * 255, 0, 255)
    assert np.abs(grey - wanted).max() <= 0.51


def test_a_falling_rescale_inverts_the_image() -> None:
    tags = {"RescaleSlope": "-1", "RescaleIntercept": "4095"}
    np.testing.assert_array_equal(read_image(written(dataset(RAMP_12_BIT, **tags))), 255 - RAMP_8_BIT)
    window = {"WindowCenter": 2048, "WindowWidth": 4096, "BitsStored": 12, "HighBit": 11}
    windowed = read_image(written(dataset(RAMP_12_BIT, **tags, **window)))
    assert np.abs(windowed.astype(int) - (255 - RAMP_8_BIT)).max() <= 1


def test_voi_lut_wins_over_the_window() -> None:
    lut = Dataset()
    lut.LUTDescriptor = [4096, 0, 8]
    lut.add_new("LUTData", "OW", (255 - np.arange(4096) // 16).astype("<u2").tobytes())
    made = dataset(RAMP_12_BIT, VOILUTSequence=[lut], WindowCenter=100, WindowWidth=10)
    np.testing.assert_array_equal(read_image(written(made)), by_the_rule(255 - RAMP_12_BIT // 16))


@pytest.mark.parametrize(
    "window", [{"WindowCenter": 60000, "WindowWidth": 2}, {"WindowCenter": 9, "WindowWidth": 0}]
)
def test_a_window_that_shows_nothing_is_noted_and_ignored(window: dict[str, int]) -> None:
    data = written(dataset(RAMP_12_BIT, **window))
    np.testing.assert_array_equal(read_image(data), RAMP_8_BIT)
    assert "window_ignored" in _codes(data)


def test_padding_is_black_and_does_not_widen_the_range() -> None:
    signed = RAMP_12_BIT.astype(np.int16)
    signed[:2] = -2000
    grey = read_image(written(dataset(signed, PixelPaddingValue=-2000)))
    assert (grey[:2] == 0).all()
    assert grey[2:].max() == 255
    np.testing.assert_array_equal(grey[2:], by_the_rule(signed[2:]))


def test_missing_tags_are_assumed_and_noted() -> None:
    made = dataset(RAMP_12_BIT)
    for tag in (
        "PhotometricInterpretation",
        "SamplesPerPixel",
        "PixelRepresentation",
        "BitsStored",
        "HighBit",
    ):
        delattr(made, tag)
    data = written(made)
    np.testing.assert_array_equal(read_image(data), RAMP_8_BIT)
    assert (
        "SamplesPerPixel, PhotometricInterpretation, PixelRepresentation, BitsStored"
        in _codes(data)["assumed_tags"]
    )


def test_a_file_without_preamble_and_meta_header_is_read() -> None:
    made = dataset(RAMP_12_BIT)
    data = io.BytesIO()
    del made.file_meta
    pydicom.dcmwrite(data, made, implicit_vr=True, little_endian=True, enforce_file_format=False)
    assert data.getvalue()[:2] == b"\x08\x00"
    np.testing.assert_array_equal(read_image(data.getvalue()), RAMP_8_BIT)


def test_the_first_of_several_frames_is_taken_and_said() -> None:
    frames = np.stack([RAMP_12_BIT, RAMP_12_BIT[::-1]])
    data = written(dataset(frames))
    np.testing.assert_array_equal(read_image(data), RAMP_8_BIT)
    assert _codes(data)["multi_frame"] == "The first of 2 frames was taken."


def test_colours_become_luminance() -> None:
    colours = np.zeros((20, 20, 3), dtype=np.uint8)
    colours[:, 5:, 0] = colours[:, 10:, 1] = colours[:, 15:, 2] = 255  # black, red, yellow, white
    grey = read_image(written(dataset(colours)))
    assert grey[0, [0, 5, 10, 15]].tolist() == [0, 76, 226, 255]  # 0.299 × 255, (0.299 + 0.587) × 255
    ybr = read_image(PUBLISHED / "SC_ybr_full_422_uncompressed.dcm")
    rgb = read_image(PUBLISHED / "SC_rgb_rle.dcm")
    assert np.abs(ybr.astype(int) - rgb).max() <= 2


def test_published_files_agree_across_transfer_syntaxes() -> None:
    plain = read_image(PUBLISHED / "MR_small.dcm")
    assert plain.std() > 30
    for name in ("RLE", "bigendian", "implicit", "jp2klossless", "jpeg_ls_lossless", "padded"):
        np.testing.assert_array_equal(read_image(PUBLISHED / f"MR_small_{name}.dcm"), plain, err_msg=name)
    # MR_small: window 600 / 1600 of PS3.3 C.11.2.1.2.1, on the stored values
    stored = pydicom.dcmread(PUBLISHED / "MR_small.dcm").pixel_array
    windowed = np.clip((stored - 599.5) / 1599 + 0.5, 0, 1)
    np.testing.assert_array_equal(plain, by_the_rule(windowed))
    stripes = read_image(PUBLISHED / "SC_rgb_rle.dcm")
    for name in ("jpeg_gdcm", "gdcm_KY", "rle_16bit", "rle_32bit", "jpeg_dcmtk"):
        other = read_image(PUBLISHED / f"SC_rgb_{name}.dcm")
        assert np.abs(other.astype(int) - stripes).max() <= 3, name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("MR_truncated.dcm", "truncated_image"),
        ("test-SR.dcm", "no_pixel_data"),
        ("rtplan.dcm", "no_pixel_data"),
        ("nested_priv_SQ.dcm", "missing_dicom_tag"),
        ("badVR.dcm", "image_too_small"),
    ],
)
def test_published_files_that_are_no_radiograph_are_refused(name: str, reason: str) -> None:
    with pytest.raises(UnreadableImageError, match=r"The scan .*\.") as caught:
        read_image((PUBLISHED / name).read_bytes(), "The scan CXR7")
    assert caught.value.reason == reason


@pytest.mark.parametrize("compressed", [None, JPEGLSLossless, JPEG2000Lossless, RLELossless])
@pytest.mark.parametrize("share", [0.6, 0.9])
def test_a_file_that_breaks_off_is_said_to(compressed: pydicom.uid.UID | None, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 4096, (64, 64)).astype(np.uint16)
    data = written(dataset(noise), compressed)
    with pytest.raises(UnreadableImageError) as caught:
        read_image(data[: int(share * len(data))])
    assert caught.value.reason == "truncated_image"


def test_identifying_tags_are_named_without_their_values_and_reach_nothing_else() -> None:
    made = dataset(RAMP_12_BIT, PatientName="Doe^Jane", AccessionNumber="", InstitutionName="anonymized")
    made.BurnedInAnnotation = "YES"
    data = written(made)
    notes = _codes(data)
    assert notes["identifying_tags"].endswith("were not copied: PatientName.")
    assert "burned_in_annotation" in notes
    assert "Doe" not in repr(read_radiograph(data).notes)
    assert set(IDENTIFYING) <= set(pydicom.datadict.keyword_dict)


def test_refusals_do_not_quote_tags() -> None:
    table = Dataset()
    table.LUTDescriptor, table.LUTExplanation = [4096, 0, 8], "Doe^Jane"
    with pytest.raises(UnreadableImageError) as caught:
        read_image(written(dataset(RAMP_12_BIT, PatientName="Doe^Jane", VOILUTSequence=[table])))
    assert caught.value.reason == "damaged_image"
    assert "Doe" not in str(caught.value)


@pytest.mark.slow
def test_bombs_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(UnreadableImageError) as caught:
        read_image(written(dataset(RAMP_12_BIT, Rows=60000, Columns=60000)))
    assert caught.value.reason == "image_too_large"

    made = dataset(RAMP_12_BIT)
    huge = bytearray(imagecodecs.jpeg2k_encode(RAMP_12_BIT, codecformat="j2k", reversible=True))
    huge[8:16] = (60000).to_bytes(4, "big") * 2  # width and height in the codestream's own header
    made.PixelData = encapsulate([bytes(huge)])
    made.file_meta.TransferSyntaxUID = JPEG2000Lossless
    with pytest.raises(UnreadableImageError, match="its compressed data say 60000 × 60000"):
        read_image(written(made))

    plain = written(dataset(RAMP_12_BIT))
    start = 144 + int.from_bytes(plain[140:144], "little")
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = b"\0" * (1 << 24)
    bomb = b"".join(deflate.compress(zeros) for _ in range(20)) + deflate.flush()
    small = dataset(RAMP_12_BIT)
    small.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    deflated = written(small)
    np.testing.assert_array_equal(read_image(deflated), RAMP_8_BIT)
    start = 144 + int.from_bytes(deflated[140:144], "little")
    with pytest.raises(UnreadableImageError) as caught:
        read_image(deflated[:start] + bomb)
    assert caught.value.reason == "image_too_large"


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(PUBLISHED.glob("MR_small*.dcm"))), st.data())
def test_damage_anywhere_gives_an_image_or_a_refusal(path: Path, data: st.DataObject) -> None:
    damaged = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(128, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.integers(len(damaged) // 2, len(damaged)))]
    try:
        grey = read_image(bytes(damaged))
    except UnreadableImageError:
        return
    assert grey.dtype == np.uint8
    assert grey.ndim == 2


def test_reading_says_nothing_in_a_log(caplog: pytest.LogCaptureFixture) -> None:
    for tags in ({}, {"WindowWidth": 0}, {"BodyPartExamined": "X" * 100}):
        read_image(written(dataset(RAMP_12_BIT, BitsStored=12, HighBit=11, **tags)))
    assert caplog.records == []
