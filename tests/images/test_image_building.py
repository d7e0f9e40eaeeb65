"""The store holds every readable image once, whatever happened while it was written."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from coherent_cxr.images.building import LOG, build_store
from coherent_cxr.images.reading.decode import fit
from coherent_cxr.images.source import open_source
from coherent_cxr.images.store import ImageStore, ImageStoreError
from helpers.image_corpus import picture, write_folder, write_tar


def test_rows_hold_the_images_their_index_names(tmp_path: Path) -> None:
    images = write_folder(tmp_path / "png", 9)
    store, unreadable = build_store(images, open_source(tmp_path / "png"), 32, tmp_path / "work")
    assert unreadable == []
    assert store.pixels.shape == (9, 32, 32)
    assert store.size == 32
    assert len(store) == 9
    assert store.index.columns.tolist() == ["row", "image_id", "study_id", "view", "height", "width"]
    assert store.index["image_id"].tolist() == images["image_id"].tolist()
    assert set(store.index["height"]) == {40}
    assert set(store.index["width"]) == {60}
    for number in range(9):
        row = store.row_of(f"CXR{number // 2}_{number % 2}")
        np.testing.assert_array_equal(store.pixels[row], fit(picture(number), 32))
    assert store.rows_of_study("CXR3") == [6, 7]
    assert store.rows_of_study("CXR99") == []
    with pytest.raises(KeyError, match="no image 'CXR99_0'"):
        store.row_of("CXR99_0")


def test_frontal_comes_first_in_a_study(tmp_path: Path) -> None:
    images = write_folder(tmp_path / "png", 4)
    images["view"] = ["lateral", "frontal", "lateral", "unknown"]
    store, _ = build_store(images, open_source(tmp_path / "png"), 32, tmp_path / "work")
    assert store.rows_of_study("CXR0") == [1, 0]
    assert store.rows_of_study("CXR1") == [3, 2]


@pytest.mark.parametrize("damaged", [(0,), (8,), (0, 3, 8), (5, 6, 7, 8), (0, 1, 2, 3, 4, 5, 6, 7)])
def test_unreadable_images_leave_no_gap(tmp_path: Path, damaged: tuple[int, ...]) -> None:
    images = write_folder(tmp_path / "png", 9, damaged)
    store, unreadable = build_store(images, open_source(tmp_path / "png"), 32, tmp_path / "work")
    assert store.pixels.shape == (9 - len(damaged), 32, 32)
    assert sorted(store.index["row"]) == list(range(9 - len(damaged)))
    for number in set(range(9)) - set(damaged):
        row = store.row_of(f"CXR{number // 2}_{number % 2}")
        np.testing.assert_array_equal(store.pixels[row], fit(picture(number), 32))
    assert {decoded.image_id for decoded in unreadable} == {f"CXR{n // 2}_{n % 2}" for n in damaged}
    assert {decoded.reason for decoded in unreadable} == {"truncated_image"}
    store.verify()
    # A second request opens the finished store and still knows what was left out.
    again, unreadable_again = build_store(images, open_source(tmp_path / "png"), 32, tmp_path / "work")
    assert (again.folder, again.digest, unreadable_again) == (store.folder, store.digest, unreadable)


def test_a_corpus_without_one_readable_image_stops_the_run(tmp_path: Path) -> None:
    images = write_folder(tmp_path / "png", 2, (0, 1))
    with pytest.raises(ImageStoreError, match="Not one of 2 images"):
        build_store(images, open_source(tmp_path / "png"), 32, tmp_path / "work")


def test_folder_tar_and_tgz_make_the_same_store_with_any_number_of_workers(tmp_path: Path) -> None:
    images = write_folder(tmp_path / "png", 150)
    digests = set()
    for number, root in enumerate(
        [
            tmp_path / "png",
            write_tar(tmp_path / "png", tmp_path / "a.tar"),
            write_tar(tmp_path / "png", tmp_path / "a.tgz", "w:gz"),
        ]
    ):
        store, _ = build_store(images, open_source(root), 32, tmp_path / str(number), workers=number + 1)
        digests.add(store.digest)
    assert len(digests) == 1


def test_other_sizes_and_changed_files_are_other_stores(tmp_path: Path) -> None:
    images = write_folder(tmp_path / "png", 2)
    folders = [build_store(images, open_source(tmp_path / "png"), 32, tmp_path / "work")[0].folder]
    folders.append(build_store(images, open_source(tmp_path / "png"), 48, tmp_path / "work")[0].folder)
    os.utime(tmp_path / "png" / "CXR0_0.png", (1, 1))
    folders.append(build_store(images, open_source(tmp_path / "png"), 32, tmp_path / "work")[0].folder)
    assert len(set(folders)) == 3


SLOW_BUILD = """
import sys, time
from pathlib import Path
import pandas as pd
from coherent_cxr.images.reading import decoding_workers
from coherent_cxr.images import building
from coherent_cxr.images.source import open_source

root, work = Path(sys.argv[1]), Path(sys.argv[2])
decode = decoding_workers._decode
def slowly(*arguments):
    time.sleep(0.004)
    return decode(*arguments)
decoding_workers._decode = slowly
building.build_store(pd.read_csv(root.parent / "images.csv"), open_source(root), 32, work, workers=1)
"""


@pytest.mark.parametrize("damaged", [(), (3, 200, 398)])
@pytest.mark.slow
def test_a_killed_build_continues_to_the_same_store(tmp_path: Path, damaged: tuple[int, ...]) -> None:
    images = write_folder(tmp_path / "png", 400, damaged)
    images.to_csv(tmp_path / "images.csv", index=False)
    whole, _ = build_store(images, open_source(tmp_path / "png"), 32, tmp_path / "whole")

    arguments = [sys.executable, "-c", SLOW_BUILD, str(tmp_path / "png"), str(tmp_path / "work")]
    process = subprocess.Popen(arguments, stderr=subprocess.DEVNULL)
    log = tmp_path / "work" / whole.folder.name / LOG
    deadline = time.monotonic() + 60
    while not (log.is_file() and log.stat().st_size):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()

    with pytest.raises(ImageStoreError, match="not an image store"):
        ImageStore.open(log.parent)
    lines = log.read_text().splitlines()
    assert 0 < len(lines) < 400
    first = json.loads(lines[0])["image_id"]
    log.write_text("\n".join(lines) + '\n{"image_id": "cut o')

    # What was decoded is not read again: its file may have turned to nonsense of the same length and time.
    path = tmp_path / "png" / f"{first}.png"
    status = path.stat()
    path.write_bytes(b"\0" * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    store, unreadable = build_store(images, open_source(tmp_path / "png"), 32, tmp_path / "work")
    assert store.digest == whole.digest
    assert len(unreadable) == len(damaged)
    pd.testing.assert_frame_equal(store.index, whole.index)


def test_a_build_killed_after_shortening_continues(tmp_path: Path) -> None:
    images = write_folder(tmp_path / "png", 9, (0, 3))
    store, _ = build_store(images, open_source(tmp_path / "png"), 32, tmp_path / "work")
    (store.folder / "store.json").unlink()
    again, unreadable = build_store(images, open_source(tmp_path / "png"), 32, tmp_path / "work")
    assert again.digest == store.digest
    assert len(unreadable) == 2


@pytest.mark.slow
def test_two_builds_at_once_make_one_store(tmp_path: Path) -> None:
    images = write_folder(tmp_path / "png", 200)
    images.to_csv(tmp_path / "images.csv", index=False)
    arguments = [sys.executable, "-c", SLOW_BUILD, str(tmp_path / "png"), str(tmp_path / "work")]
    process = subprocess.Popen(arguments, stderr=subprocess.DEVNULL)
    while not (tmp_path / "work").is_dir():
        time.sleep(0.01)
    store, _ = build_store(images, open_source(tmp_path / "png"), 32, tmp_path / "work")
    assert process.wait(60) == 0
    assert store.digest == ImageStore.open(store.folder).digest
    store.verify()


def test_changed_and_shortened_files_are_noticed(tmp_path: Path) -> None:
    images = write_folder(tmp_path / "png", 4)
    store, _ = build_store(images, open_source(tmp_path / "png"), 32, tmp_path / "work")
    with (store.folder / "pixels.npy").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))
    with pytest.raises(ImageStoreError, match="has changed since it was written"):
        ImageStore.open(store.folder).verify()
    with (store.folder / "pixels.npy").open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(ImageStoreError, match="damaged"):
        ImageStore.open(store.folder)
    record = json.loads((store.folder / "store.json").read_text())
    (store.folder / "store.json").write_text(json.dumps({**record, "format": 99}))
    with pytest.raises(ImageStoreError, match="format 99"):
        ImageStore.open(store.folder)
    for damaged in ("", "[1]", "[" * 100_000, '{"format": 2'):
        (store.folder / "store.json").write_text(damaged)
        with pytest.raises(ImageStoreError, match="run 'image_preparation' again"):
            ImageStore.open(store.folder)


FULL_DISK = """
import resource, sys
from pathlib import Path
import pandas as pd
from coherent_cxr.images import building
from coherent_cxr.images.source import open_source

root, work, most, size = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
building.build_store(pd.read_csv(root.parent / "images.csv"), open_source(root), size, work)
"""


@pytest.mark.slow
def test_a_full_disk_is_a_sentence_and_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    images = write_folder(tmp_path / "png", 200)
    images.to_csv(tmp_path / "images.csv", index=False)
    work = tmp_path / "work"
    arguments = [sys.executable, "-c", FULL_DISK, str(tmp_path / "png"), str(work), "100000", "32"]
    process = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert process.returncode == 1
    assert "free some space or set image_preparation.work_dir" in process.stderr
    folder = next(work.iterdir())
    assert not (folder / "pixels.npy").exists()
    with pytest.raises(ImageStoreError, match="not an image store"):
        ImageStore.open(folder)
    store, _ = build_store(images, open_source(tmp_path / "png"), 32, tmp_path / "work")
    assert len(store) == 200
    store.verify()


@pytest.mark.slow
def test_a_log_that_cannot_be_continued_stops_the_build_which_then_goes_on(tmp_path: Path) -> None:
    images = write_folder(tmp_path / "png", 2_000)  # their log has more bytes than their pixels
    images.to_csv(tmp_path / "images.csv", index=False)
    work = tmp_path / "work"
    arguments = [sys.executable, "-c", FULL_DISK, str(tmp_path / "png"), str(work), "150000", "8"]
    process = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert process.returncode == 1
    assert "File too large" in process.stderr
    folder = next(work.iterdir())
    with pytest.raises(ImageStoreError, match="not an image store"):
        ImageStore.open(folder)
    assert (folder / LOG).stat().st_size == 150_000
    store, _ = build_store(images, open_source(tmp_path / "png"), 8, work)
    assert store.folder == folder
    assert len(store) == 2_000
    store.verify()


def test_pixels_get_their_name_when_all_of_them_have_a_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = write_folder(tmp_path / "png", 6)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "posix_fallocate", full)
        with pytest.raises(OSError, match=r"free some space .* Reserving it failed: No space left") as caught:
            build_store(images, open_source(tmp_path / "png"), 32, tmp_path / "work")
    assert caught.value.errno == errno.ENOSPC
    folder = next((tmp_path / "work").iterdir())
    assert not list(folder.glob("pixels*"))
    (folder / "pixels.npy.writing").write_bytes(b"a run that was killed while it reserved")
    store, _ = build_store(images, open_source(tmp_path / "png"), 32, tmp_path / "work")
    store.verify()
    assert [path.name for path in folder.glob("pixels*")] == ["pixels.npy"]


def test_a_file_that_may_not_be_read_costs_one_image(tmp_path: Path) -> None:
    images = write_folder(tmp_path / "png", 4)
    source = open_source(tmp_path / "png")
    (tmp_path / "png" / "CXR0_1.png").unlink()
    (tmp_path / "png" / "CXR0_1.png").mkdir()  # was a file when the folder was listed
    store, unreadable = build_store(images, source, 32, tmp_path / "work")
    assert len(store) == 3
    assert [(one.image_id, one.reason) for one in unreadable] == [("CXR0_1", "unreadable_file")]


def test_images_that_show_nothing_are_exclusions(tmp_path: Path) -> None:
    images = write_folder(tmp_path / "png", 4)
    Image.new("L", (60, 40)).save(tmp_path / "png" / "CXR1_0.png")
    store, unreadable = build_store(images, open_source(tmp_path / "png"), 32, tmp_path / "work")
    assert store.index["image_id"].tolist() == ["CXR0_0", "CXR0_1", "CXR1_1"]
    assert [(one.image_id, one.reason) for one in unreadable] == [("CXR1_0", "constant_image")]
    assert unreadable[0].detail.startswith("The image CXR1_0 shows nothing: ")
