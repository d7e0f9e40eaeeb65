"""A report of a megabyte is cut into sections in seconds, whatever it holds."""

import time

import pytest

from coherent_cxr.corpora.sections.sectioning import Sectioner

SECTIONER = Sectioner()


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"HEADIN{n:x}G:\n\n".upper() for n in range(60_000)),
        "FINDINGS " * 100_000,
        "A" * 1_000_000,
        "AP " * 300_000 + ":",
        "1:" * 500_000,
        "FINDINGS:\n" * 100_000,
        ". A" * 330_000,
        "  A  B:" * 140_000,
        " - " * 300_000,
        "FINDINGS: " + "x\n" * 400_000,
    ],
)
@pytest.mark.slow
def test_a_megabyte_of_anything_takes_seconds(text: str) -> None:
    start = time.process_time()
    SECTIONER.split(text)
    assert time.process_time() - start < 10
