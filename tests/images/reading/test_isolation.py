"""What a decoder does to its process stays there: crashes, endless loops, and memory."""

import base64
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless

from coherent_cxr.images.building import build_store
from coherent_cxr.images.reading.decode import UnreadableImageError, read_image, read_radiograph
from coherent_cxr.images.reading.dicom import helper
from coherent_cxr.images.source import open_source
from helpers.dicom_files import RAMP_12_BIT, dataset, written
from helpers.grey_rule import by_the_rule
from helpers.image_corpus import write_folder

ENDLESS = base64.b64decode(
    """
    /9j/9wALDABAAEABAREA/9oACAEBAAAAAAB/H8gt9OsS9hEJhF+AfxigD+umRiwBhAJ8AfoA205Te1Cb9XJhzqmGR6ExuNvbL4Hu
    DWApQ9BZkEoVAbu+pG7PJ1eE3CZTJ6PGk4FyiyFsAMC+IAYCEEAYIGAvwN9er5fQmAL4AAGAAAAQAAAEBzz8wP5/MGAEBfIH8gCB
    g4F9/AAP4AC+X2+wCAAAEAABAC+DAP8wYGBhf8H/fL/+BvP7c+70AEA/n/ABAIIvkA/3b4YH+YAvgADAX8KcQ1TEBRC/gL6EJfL6
    AF8X7pgTqAf6F8J2/RWxGVL0EABAAfwABAv0S+yEsEBNv3iP/2X19AwQD+QW5fUMAvoD8vsGD6IIAAAMD/CtlqAXEEvgCAlABAfx
    fL0fb8AIBCwB4BFvvr+f5gP4Bi2wBfVq3OMSAAEAADAgAL8lfYDB/g/X9/hX8AwUWMCAwEHChQCbxdj7AKItopJCEnfRf4wIF9+/
    Bf3kvQQgDAgV8AYLrcEAwSAThfECGB/B+wF1XLz+t/jfAgAAMCy0R/n6iuLuBfIBAH9eyYF8QMJAzwFwAAIAhhhn1TC+D8BEQQCL
    fA/P/fniiDBgxhP8BfviA/QYp9PAAABYgoIvoX8UKAAAF6735/Ltu6q7JMML0AA/O2cAYAvsE9lQQuXWAgL5Aw8oAC+AAIBVD5sk
    WyEfyhAKUIBAF8SYgLqwAAAAAA8Br4C/fYJdwMDEAwfsJtgAAAAA/PhfiQwA32AEIAIAAAAABgIsChsEKCfwC+AAvvn8UwL+J86B
    +MP6X5gXksIQ3w/gAIoAUTQngX9kxE/eNEAAAAADV/bgGxOmARK5R4ADOtIAVwqAwF8IGBhMmAAAAAAGYEACixcUhXwgn8CAB/AX
    0iADeJdroXl/PUFMAvp/waIRAD9R0BCvgCCH4hiBrRbxDSWMp6Yg/EGUFvgA
    """
)
"""A JPEG-LS stream of 64 × 64 pixels, found by chance, over which CharLS 2.4 computes for ten seconds."""
CRASHED = r"The scan makes its decoder crash or compute without end; it is damaged, or built to do harm\.$"


def _endless() -> bytes:
    made = dataset(np.zeros((64, 64), dtype=np.uint16), BitsStored=12, HighBit=11)
    made.PixelData = encapsulate([ENDLESS])
    made["PixelData"].VR, made["PixelData"].is_undefined_length = "OB", True
    made.file_meta.TransferSyntaxUID = JPEGLSLossless
    return written(made)


@pytest.mark.slow
def test_a_decoder_that_finds_no_end_is_ended_and_the_next_image_read() -> None:
    start = os.times()
    with pytest.raises(UnreadableImageError, match=CRASHED) as caught:
        read_image(_endless(), "The scan")
    assert caught.value.reason == "decoder_crashed"
    grey = read_image(written(dataset(RAMP_12_BIT), JPEGLSLossless))
    np.testing.assert_array_equal(grey, by_the_rule(RAMP_12_BIT))
    used = os.times()
    assert used.children_user - start.children_user < 8


def test_a_helper_that_was_killed_is_replaced() -> None:
    data = written(dataset(RAMP_12_BIT, PhotometricInterpretation="MONOCHROME1"), JPEG2000Lossless)
    first = read_radiograph(data)
    assert [note.code for note in first.notes] == ["monochrome1_inverted"]
    helper._own.helper.process.send_signal(signal.SIGKILL)
    helper._own.helper.process.wait()
    with pytest.raises(UnreadableImageError, match=CRASHED):
        read_image(data, "The scan")
    np.testing.assert_array_equal(read_image(data), first.pixels)


def test_a_helper_refuses_with_the_same_sentence() -> None:
    made = dataset(RAMP_12_BIT)
    made.compress(JPEG2000Lossless)
    made.Rows = 40
    with pytest.raises(
        UnreadableImageError, match=r"^The scän is 64 × 40 by its tags, but .* say 64 × 48"
    ) as caught:
        read_image(written(made), "The scän")
    assert caught.value.reason == "damaged_image"


def test_helpers_end_with_their_threads() -> None:
    started = []

    def read() -> None:
        read_image(written(dataset(RAMP_12_BIT), JPEGLSLossless))
        started.append(helper._own.helper.process)

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    end = time.monotonic() + 20
    while started[0].returncode is None and time.monotonic() < end:
        time.sleep(0.05)
    assert started[0].returncode is not None


@pytest.mark.slow
def test_an_endless_decoder_costs_the_store_one_image(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    images = write_folder(folder, 1)
    (folder / "D0.dcm").write_bytes(_endless())
    (folder / "D1.dcm").write_bytes(written(dataset(RAMP_12_BIT), JPEGLSLossless))
    more = pd.DataFrame({"image_id": ["D0", "D1"], "study_id": ["S0", "S1"], "view": "frontal"})
    wanted = pd.concat([images, more], ignore_index=True)
    store, odd = build_store(wanted, open_source(folder), 32, tmp_path / "work", workers=1)
    assert sorted(store.index["image_id"]) == ["CXR0_0", "D1"]
    assert [(one.image_id, one.reason) for one in odd] == [("D0", "decoder_crashed")]


GREEDY = """
from coherent_cxr.images.reading.isolation import limit_process
limit_process()
try:
    taken = bytearray(4_000_000_000)
except MemoryError:
    print("refused")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not bound data without mapped files")
def test_a_limited_process_gets_no_more_memory() -> None:
    run = subprocess.run([sys.executable, "-c", GREEDY], capture_output=True, text=True, check=True)
    assert run.stdout == "refused\n"
