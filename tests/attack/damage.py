"""Damage to texts and tables, beside the damage to bytes in tests/helpers/fuzzing.py."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable

import numpy as np

from helpers.fuzzing import damaged

HOSTILE = (
    *(b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\x1b[2J", b"\r", b"\n\n\n", b'"', b"'", b"\\"),
    *(b"\\ud800", b"\\u0000", b"=1+cmd|' /C calc'!A0", b"+1", b"@SUM(1)", b"<script>alert(1)</script>"),
    *(b"NaN", b"Infinity", b"1e999", b"9" * 5000, b"-" * 5000, b"," * 500, b"\t" * 50, b"{}", b"[]", b"null"),
    *(b"[" * 50_000, b'{"a":' * 50_000, b"a" * 64_000, b"a-" * 30_000, b"&#1" * 20_000, b" " * 100_000),
    *(
        b"No " * 20_000,
        b"effusion " * 5000,
        "e\u0300".encode() * 20_000,
        "\u202e\u2066".encode(),
        b"$\\frac{a}$",
    ),
    *(b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"<a>" * 50_000, b"<![CDATA[", b"&b;", b"-->", b"<?xml?>"),
)
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
WORDS = [
    "no",
    "acute",
    "the",
    "heart",
    "is",
    "normal",
    "in",
    "size",
    "lungs",
    "are",
    "clear",
    "pleural",
    "effusion",
    "pneumothorax",
    "mild",
    "cardiomegaly",
    "left",
    "lower",
    "lobe",
    "opacity",
    "may",
    "represent",
    "pneumonia",
    "or",
    "atelectasis",
    ",",
    ".",
    "unchanged",
    "without",
    "focal",
    "consolidation",
]


def hurt(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """Return a file with bytes changed, something hostile inserted, or lines moved."""
    kind = rng.integers(0, 4)
    if kind == 0:
        return damaged(data, other, rng)
    if kind == 1:
        lines = data.split(b"\n")
        one, two = rng.integers(0, len(lines), 2)
        lines[one], lines[two] = lines[two], lines[one] + lines[two]
        return b"\n".join(lines) or b"\n"
    place = int(rng.integers(0, len(data) + 1))
    piece = HOSTILE[rng.integers(0, len(HOSTILE))]
    end = place + int(rng.integers(0, 30)) if kind == 3 else place
    return data[:place] + piece + data[end:]


def ill_said(error: Exception, longest: int = 3000) -> str:
    """Return what is wrong about a refusal; nothing if it is a sentence that fits a terminal."""
    told = str(error)
    well = told.endswith((".", ")")) and len(told) < longest and told.replace("\n", "").isprintable()
    return "" if well else f"no sentence: {told[:1000]!r}"


def sentence(rng: np.random.Generator) -> str:
    """Return something that reads like a report."""
    return " ".join(rng.choice(WORDS, int(rng.integers(1, 30)))).replace(" .", ".") + "."
