"""Damaged files of every kind that is read give an image or a refusal, soon and in little memory."""

import os
import subprocess
import sys
from ast import literal_eval

import pytest

from coherent_cxr.images.reading.decode import read_radiograph
from helpers import fuzzing
from helpers.fuzzing import real_files

TRIES = int(os.environ.get("COHERENT_CXR_FUZZ_TRIES", "400"))
SEED = int(os.environ.get("COHERENT_CXR_FUZZ_SEED", "20261128"))


@pytest.mark.parametrize("kind", real_files())
def test_the_files_to_be_damaged_are_read(kind: str) -> None:
    assert read_radiograph(real_files()[kind]).pixels.shape == (64, 64)


@pytest.mark.slow
def test_damaged_files_give_an_image_or_a_refusal() -> None:
    run = subprocess.run(
        [sys.executable, fuzzing.__file__, str(TRIES), str(SEED)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]  # a decoder may kill the process
    found = literal_eval(run.stdout)
    assert found["crashes"] == []
    assert sum(found["answers"].values()) == TRIES
    assert 0.2 < found["answers"]["read"] / TRIES < 0.9  # neither all refused nor hardly damaged
    assert found["slowest"] < 5
    assert found["megabytes"] < 1000
