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
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    JPEG2000Lossless,
    JPEGLSLossless,
)

from coherent_cxr.images.reading.decode import UnreadableImageError, read_image
from coherent_cxr.images.reading.grey import percentiles
from coherent_cxr.images.reading.pictures import read_pixels
from helpers.dicom_files import dataset, written
from helpers.grey_rule import by_the_rule
from helpers.phantom_files import LOSSLESS, PHANTOM, TWELVE, apart, deep, dicom, jpeg_2000, plain, png

FORMATS = {
    "8-bit PNG": lambda: png(PHANTOM),
    "16-bit PNG": lambda: png(deep(16)),
    "12 bits in a 16-bit PNG": lambda: png(deep(12)),
    "RGB PNG": lambda: png(Image.fromarray(PHANTOM).convert("RGB")),
    "RGBA PNG": lambda: png(Image.fromarray(PHANTOM).convert("RGBA")),
    "palette PNG": lambda: png(Image.fromarray(PHANTOM).convert("P")),
    **{f"{bits}-bit DICOM": lambda bits=bits: dicom(bits) for bits in (8, 10, 12, 14, 16)},
    "12-bit JPEG 2000": lambda: dicom(12, JPEG2000Lossless),
    "12-bit JPEG-LS": lambda: dicom(12, JPEGLSLossless),
    "windowed DICOM": lambda: dicom(12, WindowCenter=2048, WindowWidth=4096),
    "rescaled DICOM": lambda: dicom(12, RescaleSlope="0.01", RescaleIntercept="-700"),
    "inverted DICOM": lambda: written(
        dataset(4095 - deep(12), PhotometricInterpretation="MONOCHROME1", **TWELVE)
    ),
    "RGB DICOM": lambda: written(dataset(np.repeat(PHANTOM[..., None], 3, axis=2))),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_one_phantom_has_the_same_grey_levels_in_every_format(kind: str) -> None:
    assert apart(read_image(FORMATS[kind]()), by_the_rule(PHANTOM)) <= 1


@pytest.mark.parametrize(
    "array",
    [PHANTOM / 255, (PHANTOM / 255).astype(np.float16), PHANTOM.astype(np.int64) * 257, PHANTOM[..., None]],
    ids=["0 to 1", "half floats", "int64", "one channel"],
)
def test_the_scale_of_an_array_does_not_matter(array: np.ndarray) -> None:
    assert apart(read_pixels(array).pixels, by_the_rule(PHANTOM)) <= 1


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
    levels = deep(12).astype(np.int32) - (2048 if signed else 0)
    overlay = levels & 0xFFF
    overlay[20:60, 30:90] |= 0xF000
    overlay[80:81] |= 0x1000
    made = dataset(overlay.astype(np.uint16))  # 16 bits, so that the encoder keeps all of them
    if compressed is not None:
        made.compress(compressed)
    made.BitsStored, made.HighBit, made.PixelRepresentation = 12, 11, int(signed)
    assert apart(read_image(written(made)), by_the_rule(levels)) <= 1


def test_numbers_in_the_upper_bits_are_read_from_there() -> None:
    overlay = (deep(12) << 4) | 5
    assert apart(read_image(written(dataset(overlay, BitsStored=12, HighBit=15))), by_the_rule(deep(12))) == 0


@pytest.mark.parametrize("make", [png, plain, jpeg_2000])
@pytest.mark.parametrize(("spots", "darker"), [(1, 1), (100, 8), (600, 125)])
def test_a_few_bright_pixels_do_not_make_the_image_black(
    make: Callable[[np.ndarray], bytes], spots: int, darker: int
) -> None:
    pixels = deep(12)
    pixels.ravel()[:spots] = 65535  # 600 are a caption over 2 % of the image: darker, but still an image
    grey = read_image(make(pixels))
    same = pixels != 65535
    assert np.abs(grey.astype(int) - by_the_rule(PHANTOM))[same].max() <= darker
    assert np.percentile(grey[same], 95) > 120


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
    assert apart(read_image(_floats(keyword, pixels)), by_the_rule(PHANTOM)) <= 1
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
    for data in (png(pixels), jpeg.getvalue(), written(plain), written(plain, JPEG2000Lossless)):
        with pytest.raises(UnreadableImageError, match=r"A scan shows nothing: .*\.$") as caught:
            read_image(data, "A scan")
        assert caught.value.reason == "constant_image"
    with pytest.raises(UnreadableImageError):
        read_pixels(pixels)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(9, 16), st.booleans(), st.floats(0.001, 1000), st.floats(-1e5, 1e5), st.sampled_from(LOSSLESS)
)
def test_neither_depth_nor_sign_nor_scale_changes_grey_levels(
    bits: int, signed: bool, slope: float, intercept: float, compressed: UID | None
) -> None:
    stored = deep(bits).astype(np.int32) - (2 ** (bits - 1) if signed else 0)
    made = dataset(
        stored.astype(np.int16 if signed else np.uint16),
        BitsStored=bits,
        HighBit=bits - 1,
        RescaleSlope=f"{slope:.6g}",
        RescaleIntercept=f"{intercept:.6g}",
    )
    assert apart(read_image(written(made, compressed)), by_the_rule(PHANTOM)) <= 1


def test_jpeg_lossless_with_bits_above_those_stored() -> None:
    overlay = deep(12).copy()
    overlay[10:20] |= 0xF000
    made = dataset(overlay, **TWELVE)
    made.PixelData = encapsulate([imagecodecs.jpeg8_encode(overlay, lossless=True, bitspersample=16)])
    made["PixelData"].VR, made["PixelData"].is_undefined_length = "OB", True
    made.file_meta.TransferSyntaxUID = pydicom.uid.JPEGLosslessSV1
    assert apart(read_image(written(made)), by_the_rule(deep(12))) == 0


@given(st.lists(st.integers(0, 255), min_size=1, max_size=400))
def test_percentiles_are_nearest_ranks_for_bytes_and_all_other_numbers(levels: list[int]) -> None:
    shares = (0.005, 0.05, 0.95, 0.995)
    ordered, last = sorted(levels), len(levels) - 1
    wanted = [ordered[round(0.005 * last)], ordered[round(0.05 * last)]]
    wanted += [ordered[last - round(0.05 * last)], ordered[last - round(0.005 * last)]]
    for kind in (np.uint8, np.uint16, np.int64, np.float32):
        assert percentiles(np.array(levels, dtype=kind), shares) == wanted
