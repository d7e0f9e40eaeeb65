"""Limits apply before reading, and names are shown without what a terminal obeys."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.inputs.limits import FREE_INFLATION, MAX_INFLATION, Inflation, LimitError, read_at_most
from coherent_cxr.inputs.names import printable


def test_a_stream_is_read_to_its_limit_and_no_byte_further() -> None:
    assert read_at_most(io.BytesIO(b"abc"), 3, "It") == b"abc"
    stream = io.BytesIO(b"abcdef")
    with pytest.raises(LimitError, match="It holds more than 3 bytes"):
        read_at_most(stream, 3, "It")
    assert stream.tell() == 4


def test_small_things_may_inflate_and_large_ones_by_a_factor() -> None:
    small = Inflation(10, "It")
    small.add(FREE_INFLATION)
    with pytest.raises(LimitError, match="It unpacks to more than 67 MB"):
        small.add(1)
    large = Inflation(FREE_INFLATION, "It")
    large.add(FREE_INFLATION * MAX_INFLATION)
    with pytest.raises(LimitError):
        large.add(1)
    with pytest.raises(LimitError):
        Inflation(10, "It", max_bytes=5).add(6)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a b.png", "a b.png"),
        ("é.png", "é.png"),
        ("\x1b[2J\x1b]0;owned\x07.png", r"\x1b[2J\x1b]0;owned\x07.png"),
        ("a\nb\r.png", r"a\nb\r.png"),
        ("\udcff.png", r"\udcff.png"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
    ],
)
def test_names_as_they_may_be_shown(name: str, shown: str) -> None:
    assert printable(name) == shown


@given(st.text(alphabet=st.characters(codec=None), max_size=300))
def test_whatever_is_shown_is_one_short_printable_line_that_can_be_written(name: str) -> None:
    shown = printable(name)
    assert shown.isprintable()
    assert len(shown) <= 200
    shown.encode("utf-8")  # a lone surrogate could not be written
    if name.isprintable() and len(name) <= 200:
        assert shown == name
