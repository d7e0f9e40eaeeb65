"""Files that ask for gigabytes or hours are refused before either is spent."""

import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from coherent_cxr.images.reading.decode import UnreadableImageError, read_image
from coherent_cxr.images.reading.dicom.codestream import HeaderSize, size_in_header
from coherent_cxr.inputs.limits import MAX_FILE_BYTES
from helpers.bombs import BOMBS, jpeg_2000
from helpers.dicom_files import RAMP_12_BIT, dataset, written
from helpers.grey_rule import by_the_rule

READABLE = ("a window of 30 million values",)
"""What is odd about it can be passed over."""
READ = """
import sys, time
from pathlib import Path
from coherent_cxr.images.reading.decode import UnreadableImageError, read_square

for path in sorted(Path(sys.argv[1]).iterdir()):
    start = time.process_time()
    try:
        read_square(path.read_bytes(), 64, "A scan")
        answer = "read"
    except UnreadableImageError as error:
        answer = error.reason
    # ru_maxrss would count the memory of the process that started this one
    most = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024
    print(path.name, answer, most, f"{time.process_time() - start:.1f}", sep="\\t")
"""


@pytest.mark.slow
def test_every_bomb_is_refused_within_a_gigabyte_and_seconds(tmp_path: Path) -> None:
    (tmp_path / "bombs").mkdir()
    for name, make in BOMBS.items():
        (tmp_path / "bombs" / name).write_bytes(make())
    run = subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path / "bombs")], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    answers = dict(line.split("\t", 1) for line in run.stdout.splitlines())
    assert set(answers) == set(BOMBS)
    for name, answer in answers.items():
        reason, megabytes, seconds = answer.split("\t")
        assert (reason == "read") == (name in READABLE), (name, answer)
        assert int(megabytes) < 1000, (name, answer)
        assert float(seconds) < 10, (name, answer)


def test_a_device_and_a_folder_are_no_files(tmp_path: Path) -> None:
    for path in (Path("/dev/zero"), tmp_path):
        with pytest.raises(UnreadableImageError, match="not a file but a folder or a device") as caught:
            read_image(path)
        assert caught.value.reason == "unreadable_file"


def test_a_file_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "long.png"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    with pytest.raises(UnreadableImageError, match="more than 200 MB") as caught:
        read_image(path)
    assert caught.value.reason == "file_too_large"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
    assert time.perf_counter() - start < 1


def test_deflated_files_are_read_and_cut_off_ones_refused() -> None:
    made = dataset(RAMP_12_BIT)
    made.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data = written(made)
    np.testing.assert_array_equal(read_image(data), by_the_rule(RAMP_12_BIT))
    for damaged in (data[: len(data) - 400], data[:-400] + bytes(400)):
        with pytest.raises(UnreadableImageError):
            read_image(damaged)


def test_a_codestream_states_its_size_wherever_it_does() -> None:
    jpeg = bytes.fromhex("ffd8 ffe0 0004 0000 fffe 000c ffc0000b0800300040 ff ff c1 0011 0c 0bb8 07d0 01")
    assert size_in_header(jpeg) == HeaderSize(2000, 3000, 1)
    assert size_in_header(bytes.fromhex("ffd8 fff7 000b 10 0010 0020 01 011100")) == HeaderSize(32, 16, 1)
    stream = jpeg_2000(24, (16).to_bytes(4, "big") * 2)
    start = stream.index(b"\xff\x4f\xff\x51")
    assert size_in_header(stream[start:]) == HeaderSize(64, 48, 1, 4 * 3)
    for other in (
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff\xda\x00\x04",
        b"\xff\x4f\xff\x51\x00",
        b"GIF89a",
        bytes(200),
    ):
        assert size_in_header(other) is None
