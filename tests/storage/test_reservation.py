from __future__ import annotations

import errno
import resource
import shutil
import signal

import numpy as np
import pytest

from coherent_cxr.storage.reservation import reserved_array


def test_what_is_written_is_read_again(tmp_path):
    array = reserved_array(tmp_path / "a.npy", np.float16, (3, 2), "The numbers", "folder")
    array[:] = np.arange(6).reshape(3, 2)
    array.flush()
    assert np.load(tmp_path / "a.npy").tolist() == [[0, 1], [2, 3], [4, 5]]
    assert (tmp_path / "a.npy").stat().st_blocks * 512 >= 12


def test_more_than_the_disk_holds_is_refused_before_anything_is_written(tmp_path):
    needed = shutil.disk_usage(tmp_path).free * 2
    with pytest.raises(
        OSError, match=r"The features need .* GB in .* are free; .*set x\.folder to"
    ) as refused:
        reserved_array(tmp_path / "a.npy", np.uint8, (needed,), "The features", "x.folder")
    assert len(str(refused.value)) < 400
    assert not list(tmp_path.iterdir())


def test_a_disk_that_is_full_while_reserving_is_a_sentence_and_leaves_nothing(tmp_path):
    # A limit on the length of files is the full disk that a test can have.
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    try:
        with pytest.raises(OSError, match="Reserving failed: File too large") as refused:
            reserved_array(tmp_path / "a.npy", np.uint8, (100_000,), "The features", "x.folder")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert refused.value.errno == errno.EFBIG
    assert not list(tmp_path.iterdir())
