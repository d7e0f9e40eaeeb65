"""Grey levels come from tissue alone, and are the same whatever format the picture came in."""

import io
from collections.abc import Callable

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from coherent_cxr.images.phantom import draw_phantom
from coherent_cxr.images.reading.decode import UnreadableImageError, read_image, read_radiograph
from coherent_cxr.images.reading.grey import percentiles
from coherent_cxr.images.reading.pictures import read_pixels
from helpers.dicom_files import RAMP_12_BIT, dataset, written
from helpers.grey_rule import by_the_rule

PHANTOM = draw_phantom("grey levels", {"Cardiomegaly": 1, "Pleural Effusion": 1}, [], size=160)
LOSSLESS = (None, RLELossless, JPEGLSLossless, JPEG2000Lossless)
TWELVE = {"BitsStored": 12, "HighBit": 11}


def _deep(bits: int) -> np.ndarray:
    """Return the phantom with so many bits."""
    levels = np.round(PHANTOM.astype(float) * (2**bits - 1) / 255)
    return levels.astype(np.uint8 if bits <= 8 else np.uint16)


def _png(image: np.ndarray | Image.Image) -> bytes:
    data = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(data, format="PNG")
    return data.getvalue()


def _plain(pixels: np.ndarray) -> bytes:
    return written(dataset(pixels))


def _jpeg_2000(pixels: np.ndarray) -> bytes:
    return written(dataset(pixels), JPEG2000Lossless)


def _codes(data: bytes) -> list[str]:
    return [note.code for note in read_radiograph(data).notes]


def _apart(first: np.ndarray, second: np.ndarray) -> int:
    return int(np.abs(first.astype(int) - second).max())


def _dicom(bits: int, compressed: UID | None = None, **tags: object) -> bytes:
    return written(dataset(_deep(bits), BitsStored=bits, HighBit=bits - 1, **tags), compressed)


FORMATS = {
    "8-bit PNG": lambda: _png(PHANTOM),
    "16-bit PNG": lambda: _png(_deep(16)),
    "12 bits in a 16-bit PNG": lambda: _png(_deep(12)),
    "RGB PNG": lambda: _png(Image.fromarray(PHANTOM).convert("RGB")),
    "RGBA PNG": lambda: _png(Image.fromarray(PHANTOM).convert("RGBA")),
    "palette PNG": lambda: _png(Image.fromarray(PHANTOM).convert("P")),
    **{f"{bits}-bit DICOM": lambda bits=bits: _dicom(bits) for bits in (8, 10, 12, 14, 16)},
    "12-bit JPEG 2000": lambda: _dicom(12, JPEG2000Lossless),
    "12-bit JPEG-LS": lambda: _dicom(12, JPEGLSLossless),
    "windowed DICOM": lambda: _dicom(12, WindowCenter=2048, WindowWidth=4096),
    "rescaled DICOM": lambda: _dicom(12, RescaleSlope="0.01", RescaleIntercept="-700"),
    "inverted DICOM": lambda: written(
        dataset(4095 - _deep(12), PhotometricInterpretation="MONOCHROME1", **TWELVE)
    ),
    "RGB DICOM": lambda: written(dataset(np.repeat(PHANTOM[..., None], 3, axis=2))),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_one_phantom_has_the_same_grey_levels_in_every_format(kind: str) -> None:
    assert _apart(read_image(FORMATS[kind]()), by_the_rule(PHANTOM)) <= 1


@pytest.mark.parametrize(
    "array",
    [PHANTOM / 255, (PHANTOM / 255).astype(np.float16), PHANTOM.astype(np.int64) * 257, PHANTOM[..., None]],
    ids=["0 to 1", "half floats", "int64", "one channel"],
)
def test_the_scale_of_an_array_does_not_matter(array: np.ndarray) -> None:
    assert _apart(read_pixels(array).pixels, by_the_rule(PHANTOM)) <= 1


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.where(PHANTOM > 100, np.nan, PHANTOM / 255), "not_finite"),
        (np.where(PHANTOM > 100, np.inf, PHANTOM / 255), "not_finite"),
        (np.where(PHANTOM > 100, 1.5e308, -1.5e308), "not_finite"),
        (np.zeros((40, 40)), "constant_image"),
        (PHANTOM.astype(complex), "unknown_format"),
        (PHANTOM.ravel(), "unknown_format"),
        (np.zeros((3, 160, 160)), "unknown_format"),
        (PHANTOM[:8], "image_too_small"),
    ],
)
def test_arrays_that_are_no_image_are_refused(array: np.ndarray, reason: str) -> None:
    with pytest.raises(UnreadableImageError, match=r"The image .*\.$") as caught:
        read_pixels(array)
    assert caught.value.reason == reason


@pytest.mark.parametrize("compressed", LOSSLESS)
@pytest.mark.parametrize("signed", [False, True])
def test_bits_above_those_stored_are_no_tissue(compressed: UID | None, signed: bool) -> None:
    levels = _deep(12).astype(np.int32) - (2048 if signed else 0)
    overlay = levels & 0xFFF
    overlay[20:60, 30:90] |= 0xF000
    overlay[80:81] |= 0x1000
    made = dataset(overlay.astype(np.uint16))  # 16 bits, so that the encoder keeps all of them
    if compressed is not None:
        made.compress(compressed)
    made.BitsStored, made.HighBit, made.PixelRepresentation = 12, 11, int(signed)
    assert _apart(read_image(written(made)), by_the_rule(levels)) <= 1


def test_numbers_in_the_upper_bits_are_read_from_there() -> None:
    overlay = (_deep(12) << 4) | 5
    assert (
        _apart(read_image(written(dataset(overlay, BitsStored=12, HighBit=15))), by_the_rule(_deep(12))) == 0
    )


@pytest.mark.parametrize("make", [_png, _plain, _jpeg_2000])
@pytest.mark.parametrize(("spots", "darker"), [(1, 1), (100, 8), (600, 125)])
def test_a_few_bright_pixels_do_not_make_the_image_black(
    make: Callable[[np.ndarray], bytes], spots: int, darker: int
) -> None:
    pixels = _deep(12)
    pixels.ravel()[:spots] = 65535  # 600 are a caption over 2 % of the image: darker, but still an image
    grey = read_image(make(pixels))
    same = pixels != 65535
    assert np.abs(grey.astype(int) - by_the_rule(PHANTOM))[same].max() <= darker
    assert np.percentile(grey[same], 95) > 120


@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize(
    ("value", "limit", "filled"),
    [(60000, None, 60000), (60000, 65535, 62000), (65535, 60000, 62000), (0, 99, 50)],
)
def test_padding_is_black_and_counts_for_no_percentile(
    syntax: UID | None, value: int, limit: int | None, filled: int
) -> None:
    pixels = _deep(12) + 100
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
    pixels = (_deep(12).astype(np.int32) - 1000).astype(np.int16)
    pixels[:50] = -2000
    wanted = by_the_rule(pixels[50:])
    for value, vr in ((-2000, "SS"), (63536, "US"), ("-2000", "IS")):
        made = dataset(pixels)
        made.add_new("PixelPaddingValue", vr, value)
        grey = read_image(written(made))
        assert (grey[:50] == 0).all(), vr
        np.testing.assert_array_equal(grey[50:], wanted)


def test_padding_that_covers_everything_is_ignored_and_said() -> None:
    data = _dicom(12, PixelPaddingValue=0, PixelPaddingRangeLimit=4095)
    assert _apart(read_image(data), by_the_rule(PHANTOM)) <= 1
    assert _codes(data) == ["padding_ignored"]


@pytest.mark.parametrize(
    "text", ["monochrome1", " MONOCHROME1", "Monochrome1 ", "MONOCHROME 1", "MONOCHROME1\0"]
)
def test_monochrome1_is_known_however_it_is_written(text: str) -> None:
    data = written(dataset(RAMP_12_BIT, PhotometricInterpretation=text))
    np.testing.assert_array_equal(read_image(data), 255 - by_the_rule(RAMP_12_BIT))
    assert _codes(data) == ["monochrome1_inverted"]


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
    assert ("contradictory_inversion" in _codes(data)) == contradictory


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
    assert _codes(written(made)) == []


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
    assert _codes(written(made)) == ["window_ignored"]


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


def _floats(keyword: str, pixels: np.ndarray, **tags: object) -> bytes:
    made = dataset(pixels, **tags)
    del made.PixelData
    setattr(made, keyword, pixels.tobytes())
    return written(made)


@pytest.mark.parametrize(
    ("keyword", "kind"), [("FloatPixelData", np.float32), ("DoubleFloatPixelData", np.float64)]
)
def test_float_pixels_are_read_and_those_that_are_none_refused(keyword: str, kind: type) -> None:
    pixels = (PHANTOM / 255).astype(kind)
    assert _apart(read_image(_floats(keyword, pixels)), by_the_rule(PHANTOM)) <= 1
    for odd in (np.nan, np.inf, -np.inf):
        spoilt = pixels.copy()
        spoilt[7, 7] = odd
        with pytest.raises(UnreadableImageError) as caught:
            read_image(_floats(keyword, spoilt))
        assert caught.value.reason == "not_finite"
    spoilt[:20] = np.nan
    spoilt[7, 7] = np.nan
    padding = keyword.replace("PixelData", "PixelPaddingValue")
    grey = read_image(_floats(keyword, np.where(np.isfinite(spoilt), spoilt, np.nan), **{padding: np.nan}))
    assert (grey[:20] == 0).all()
    np.testing.assert_allclose(grey[20:], by_the_rule(PHANTOM[20:]), atol=1)


NOISE = np.random.default_rng(0).integers(-3, 4, (200, 200))
LABEL = np.zeros((200, 200), dtype=np.uint8)
LABEL[:40, :40] = 255  # 4 % of the pixels


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((200, 200), np.uint8),
        np.full((200, 200), 255, np.uint8),
        np.full((200, 200), 3000, np.uint16),
        (120 + NOISE).astype(np.uint8),
        (3000 + NOISE).astype(np.uint16),
        (30000 + 60 * NOISE).astype(np.uint16),
        LABEL,
        255 - LABEL,
        (LABEL > 0).astype(np.uint16) * 65535,
    ],
    ids=[
        "black",
        "white",
        "grey",
        "noise",
        "12-bit noise",
        "flat field",
        "label",
        "white with label",
        "16-bit label",
    ],
)
def test_an_image_that_shows_nothing_is_refused_in_every_format(pixels: np.ndarray) -> None:
    jpeg = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(jpeg, format="JPEG", quality=95)
    plain = dataset(pixels)
    for data in (_png(pixels), jpeg.getvalue(), written(plain), written(plain, JPEG2000Lossless)):
        with pytest.raises(UnreadableImageError, match=r"A scan shows nothing: .*\.$") as caught:
            read_image(data, "A scan")
        assert caught.value.reason == "constant_image"
    with pytest.raises(UnreadableImageError):
        read_pixels(pixels)


def test_of_too_many_frames_the_first_whole_one_is_taken() -> None:
    made = dataset(np.stack([RAMP_12_BIT, RAMP_12_BIT[::-1]]), NumberOfFrames=5)
    data = written(made)
    np.testing.assert_array_equal(read_image(data), by_the_rule(RAMP_12_BIT))
    assert _codes(data) == ["frames_missing"]
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
    assert _codes(written(made)) == ["frames_missing"]


def test_a_voi_lut_in_bytes_words_and_big_endian_is_the_same() -> None:
    table = np.sqrt(np.arange(4096)) * 4  # up to 256
    wanted = by_the_rule(np.floor(table).clip(0, 255)[RAMP_12_BIT])
    for bits, entries in ((8, "u1"), (16, "<u2")):
        lut = Dataset()
        lut.LUTDescriptor = [4096, 0, bits]
        lut.add_new("LUTData", "OW", np.floor(table).clip(0, 255).astype(entries).tobytes())
        assert _apart(read_image(written(dataset(RAMP_12_BIT, VOILUTSequence=[lut]))), wanted) == 0
    lut = Dataset()
    lut.LUTDescriptor = [4096, 0, 16]
    lut.add_new("LUTData", "OW", np.floor(table).clip(0, 255).astype(">u2").tobytes())
    made = dataset(RAMP_12_BIT, VOILUTSequence=[lut])
    made.PixelData = RAMP_12_BIT.astype(">u2").tobytes()
    made["PixelData"].VR = "OW"
    made.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    assert _apart(read_image(written(made)), wanted) == 0


@settings(max_examples=40, deadline=None)
@given(
    st.integers(9, 16), st.booleans(), st.floats(0.001, 1000), st.floats(-1e5, 1e5), st.sampled_from(LOSSLESS)
)
def test_neither_depth_nor_sign_nor_scale_changes_grey_levels(
    bits: int, signed: bool, slope: float, intercept: float, compressed: UID | None
) -> None:
    stored = _deep(bits).astype(np.int32) - (2 ** (bits - 1) if signed else 0)
    made = dataset(
        stored.astype(np.int16 if signed else np.uint16),
        BitsStored=bits,
        HighBit=bits - 1,
        RescaleSlope=f"{slope:.6g}",
        RescaleIntercept=f"{intercept:.6g}",
    )
    assert _apart(read_image(written(made, compressed)), by_the_rule(PHANTOM)) <= 1


def test_jpeg_lossless_with_bits_above_those_stored() -> None:
    overlay = _deep(12).copy()
    overlay[10:20] |= 0xF000
    made = dataset(overlay, **TWELVE)
    made.PixelData = encapsulate([imagecodecs.jpeg8_encode(overlay, lossless=True, bitspersample=16)])
    made["PixelData"].VR, made["PixelData"].is_undefined_length = "OB", True
    made.file_meta.TransferSyntaxUID = pydicom.uid.JPEGLosslessSV1
    assert _apart(read_image(written(made)), by_the_rule(_deep(12))) == 0


@given(st.lists(st.integers(0, 255), min_size=1, max_size=400))
def test_percentiles_are_nearest_ranks_for_bytes_and_all_other_numbers(levels: list[int]) -> None:
    shares = (0.005, 0.05, 0.95, 0.995)
    ordered, last = sorted(levels), len(levels) - 1
    wanted = [ordered[round(0.005 * last)], ordered[round(0.05 * last)]]
    wanted += [ordered[last - round(0.05 * last)], ordered[last - round(0.005 * last)]]
    for kind in (np.uint8, np.uint16, np.int64, np.float32):
        assert percentiles(np.array(levels, dtype=kind), shares) == wanted
