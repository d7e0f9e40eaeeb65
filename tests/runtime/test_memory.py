"""Freed memory is kept, so that the system need not give it again."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

COUNT = """
import resource
import numpy as np
from coherent_cxr.runtime.memory import keep_freed_memory

def pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        np.ones(8_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def kept_up_to(*most):
    assert keep_freed_memory(*most)
    np.ones(8_000_000)
    return pages()

print(pages(), kept_up_to(2**25), kept_up_to(), kept_up_to(2**25))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such setting")
def test_blocks_up_to_a_size_are_asked_of_the_system_once_and_the_size_is_never_lowered() -> None:
    told = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True)
    given_back, larger, kept, lowered = map(int, told.stdout.split())
    assert given_back > 4 * 64_000_000 / 2**21  # at least one fault for each block's huge pages
    assert larger > given_back / 2
    assert max(kept, lowered) < given_back / 10


WHERE = """
import resource
import numpy as np

def pages(size=1_500_000):
    [np.ones(size) for _ in range(8)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    [np.ones(size) for _ in range(8)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if __name__ == "__main__":
    from coherent_cxr.images.reading.decoding_workers import _pool
    from coherent_cxr.runtime.distributed import training_device

    given_back = pages()
    with _pool(1, in_processes=True) as processes:
        in_process = processes.submit(pages).result()
    here = pages()
    training_device()
    print(given_back, here, in_process, pages())
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such setting")
def test_trainings_and_workers_that_decode_images_keep_it(tmp_path: Path) -> None:
    (tmp_path / "where.py").write_text(WHERE)
    told = subprocess.run(
        [sys.executable, str(tmp_path / "where.py")],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},  # a training on a GPU leaves memory as it is
        capture_output=True,
        text=True,
        check=True,
    )
    given_back, here, in_process, training = map(int, told.stdout.split())
    assert min(given_back, here) > 8 * 12_000_000 / 2**21
    assert max(in_process, training) < min(given_back, here) / 10
