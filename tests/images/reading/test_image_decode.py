"""Every kind of PNG and JPEG becomes upright grey levels, and every bad file a sentence."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from coherent_cxr.images.reading.decode import (
    UnreadableImageError,
    fit,
    read_image,
    read_radiograph,
    read_square,
)
from helpers.grey_rule import by_the_rule

RAMP = np.tile(np.linspace(0, 255, 40, dtype=np.uint8), (30, 1))


def _bytes(image: Image.Image, **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, **options)
    return data.getvalue()


def test_grey_png_comes_back_unchanged_from_path_and_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(RAMP).save(path)
    np.testing.assert_array_equal(read_image(path), RAMP)
    np.testing.assert_array_equal(read_image(path.read_bytes()), RAMP)


def test_16_bit_png_is_stretched_between_its_half_percentiles() -> None:
    twelve_bit = np.linspace(100, 4095, 400).round().astype(np.uint16).reshape(20, 20)
    grey = read_image(_bytes(Image.fromarray(twelve_bit), format="PNG"))
    assert grey.dtype == np.uint8
    assert grey[0, 0] == 0
    assert grey[-1, -1] == 255
    assert (np.diff(grey.ravel().astype(int)) >= 0).all()
    # of 400 pixels the third and the last but two, 120 and 4075: (2103 - 120) / 3955 of the way
    assert (twelve_bit[0, 2], twelve_bit[-1, -3], twelve_bit[10, 0]) == (120, 4075, 2103)
    assert grey[10, 0] == round((2103 - 120) / 3955 * 255) == 128


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P"])
def test_colour_modes_keep_the_picture(mode: str) -> None:
    half = np.zeros((32, 32), dtype=np.uint8)
    half[:, 16:] = 255
    grey = read_image(_bytes(Image.fromarray(half).convert(mode), format="PNG"))
    np.testing.assert_array_equal(grey, half)


def test_colours_become_luminance() -> None:
    quarters = Image.new("RGB", (20, 20))
    for left, colour in ((5, (255, 0, 0)), (10, (255, 255, 0)), (15, (255, 255, 255))):
        quarters.paste(colour, (left, 0, 20, 20))
    grey = read_image(_bytes(quarters, format="PNG"))
    assert grey[0, [0, 5, 10, 15]].tolist() == [0, 76, 226, 255]  # 0.299 × 255, (0.299 + 0.587) × 255


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_pixels_are_black_and_count_for_no_percentile(mode: str) -> None:
    levels = np.tile(np.linspace(100, 200, 40, dtype=np.uint8), (30, 1))
    opaque = np.full((30, 40), 255, dtype=np.uint8)
    opaque[:10] = 0
    image = Image.merge("LA", [Image.fromarray(levels), Image.fromarray(opaque)])
    grey = read_image(_bytes(image.convert(mode), format="PNG"))
    assert (grey[:10] == 0).all()
    np.testing.assert_array_equal(grey[10:], by_the_rule(levels[10:]))


def test_transparent_palette_colour_is_black() -> None:
    image = Image.new("P", (20, 20), 1)
    image.putpalette([9, 9, 9, 250, 250, 250, 90, 90, 90])
    image.paste(0, (0, 0, 5, 20))
    image.paste(2, (5, 0, 10, 20))
    grey = read_image(_bytes(image, format="PNG", transparency=1))
    assert grey[0, [0, 5, 10]].tolist() == [0, 255, 0]


@pytest.mark.parametrize("options", [{"quality": 95}, {"quality": 95, "progressive": True}])
def test_jpeg_comes_back_within_compression(options: dict[str, object]) -> None:
    grey = read_image(_bytes(Image.fromarray(RAMP), format="JPEG", **options))
    assert np.abs(grey.astype(int) - RAMP).max() <= 6


def test_cmyk_jpeg_is_not_inverted() -> None:
    grey = read_image(_bytes(Image.fromarray(RAMP).convert("RGB").convert("CMYK"), format="JPEG", quality=95))
    assert grey[:, 0].mean() < 20
    assert grey[:, -1].mean() > 235


def test_exif_rotation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the picture is at the right-hand side of the file
    grey = read_image(_bytes(Image.fromarray(RAMP), format="JPEG", quality=95, exif=exif))
    assert grey.shape == (40, 30)
    assert grey[0].mean() < 20
    assert grey[-1].mean() > 235


def _png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def _noise_jpeg() -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    return _bytes(Image.fromarray(noise), format="JPEG")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty_file"),
        (b"this is a text file", "unknown_format"),
        (_bytes(Image.fromarray(RAMP), format="GIF"), "unknown_format"),
        (_bytes(Image.new("L", (1, 1)), format="PNG"), "image_too_small"),
        (_bytes(Image.new("L", (500, 3)), format="PNG"), "image_too_small"),
        (_noise_jpeg()[:700], "truncated_image"),
        (_png_header(64, 64), "truncated_image"),
        (_png_header(9_500, 9_500), "image_too_large"),
        (_png_header(60_000, 60_000), "image_too_large"),
    ],
)
def test_bad_files_are_refused_in_a_sentence(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImageError, match=r"The scan CXR7 .*\.$") as caught:
        read_image(data, name="The scan CXR7")
    assert caught.value.reason == reason


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImageError, match=r"no image file .*CXR9\.png") as caught:
        read_image(tmp_path / "CXR9.png")
    assert caught.value.reason == "missing_image"


@given(st.binary(max_size=300), st.integers(0, 600), st.integers(1, 60))
def test_damage_anywhere_gives_an_image_or_a_refusal(junk: bytes, position: int, length: int) -> None:
    good = _bytes(Image.fromarray(RAMP), format="PNG")
    damaged = good[:position] + junk[:length] + good[position + length :]
    try:
        grey = read_image(damaged)
    except UnreadableImageError:
        return
    assert grey.dtype == np.uint8
    assert grey.ndim == 2


def test_fit_keeps_the_aspect_ratio_and_pads_with_black() -> None:
    wide = np.full((50, 100), 255, dtype=np.uint8)
    square = fit(wide, 40)
    assert square.shape == (40, 40)
    assert (square[10:30] == 255).all()
    assert (square[:10] == 0).all()
    assert (square[30:] == 0).all()
    tall = fit(wide.T.copy(), 40)
    np.testing.assert_array_equal(tall, square.T)


def test_fit_averages_fine_detail_instead_of_dropping_it() -> None:
    stripes = np.zeros((128, 128), dtype=np.uint8)
    stripes[:, ::2] = 200
    small = fit(stripes, 16)
    assert np.abs(small.astype(int) - 100).max() <= 8


def test_fit_leaves_the_right_size_alone() -> None:
    square = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(fit(square, 16), square)


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 64))
def test_fit_always_gives_the_asked_square(height: int, width: int, size: int) -> None:
    square = fit(np.full((height, width), 77, dtype=np.uint8), size)
    assert square.shape == (size, size)
    assert square.max() == 77


def _smooth(height: int, width: int) -> Image.Image:
    rows, columns = np.mgrid[:height, :width]
    return Image.fromarray((127 + 80 * np.sin(rows / 90) + 40 * np.cos(columns / 70)).astype(np.uint8))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_large_jpeg_is_decoded_smaller_and_looks_the_same(mode: str, progressive: bool) -> None:
    data = _bytes(_smooth(1000, 801).convert(mode), format="JPEG", quality=95, progressive=progressive)
    assert max(read_radiograph(data, enough=128).pixels.shape) == 125 + 125  # a quarter
    square = read_square(data, 64)
    assert (square.height, square.width) == (1000, 801)
    np.testing.assert_allclose(square.pixels.astype(int), fit(read_image(data), 64).astype(int), atol=3)


def test_a_jpeg_on_its_side_is_stood_up_and_states_its_upright_size() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = _bytes(_smooth(400, 800), format="JPEG", exif=exif)
    square = read_square(data, 32)
    assert (square.height, square.width) == (800, 400)
    np.testing.assert_allclose(square.pixels.astype(int), fit(read_image(data), 32).astype(int), atol=3)


def test_a_jpeg_is_never_decoded_smaller_than_is_enough() -> None:
    data = _bytes(_smooth(500, 400), format="JPEG")
    assert read_radiograph(data, enough=251).pixels.shape == (500, 400)
    assert read_radiograph(data, enough=250).pixels.shape == (250, 200)


def test_a_truncated_jpeg_is_refused_when_it_is_decoded_smaller_too() -> None:
    data = _bytes(_smooth(1000, 800), format="JPEG")
    with pytest.raises(UnreadableImageError, match="copy it again"):
        read_square(data[: len(data) // 2], 64)
