"""A pydicom decoding plugin for the JPEG kinds that its own free handlers leave out: lossless and 12 bit."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pydicom import uid
from pydicom.pixels.decoders.base import get_decoder

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import DecodeRunner

DECODER_DEPENDENCIES = dict.fromkeys(
    (uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1), ("imagecodecs",)
)


def is_available(_uid: str) -> bool:
    """Tell pydicom whether imagecodecs is installed."""
    return find_spec("imagecodecs") is not None


def decode_frame(source: bytes, runner: DecodeRunner) -> bytes:
    """Decode one frame with libjpeg-turbo, its samples as they are stored.

    Args:
        source: The JPEG codestream.
        runner: What pydicom knows of the image.

    Returns:
        Samples in native byte order, colour by pixel.
    """
    import imagecodecs

    space = "RGB" if runner.samples_per_pixel == 3 else "GRAYSCALE"  # the same twice: no conversion
    frame = imagecodecs.jpeg8_decode(source, colorspace=space, outcolorspace=space)
    runner.set_option("bits_allocated", 8 * frame.dtype.itemsize)
    if runner.samples_per_pixel == 3:
        runner.set_option("planar_configuration", 0)
    return bytes(frame.tobytes())


@cache
def install() -> None:
    """Make the plugin known to pydicom, once per process."""
    for syntax in DECODER_DEPENDENCIES:
        get_decoder(syntax).add_plugin("imagecodecs", (__name__, "decode_frame"))
