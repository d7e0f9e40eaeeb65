"""Letters with an accent as plain ones, place by place."""

from __future__ import annotations

import unicodedata
from typing import Final


def without_accents(text: str) -> str:
    """Return a text of the same length in which letters with an accent are plain: "é" is "e"."""
    return text.translate(_PLAIN)


def _plain_letters() -> dict[int, str]:
    """Map every letter that is an ASCII letter and its accents to that letter."""
    plain = {}
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)):
        first = unicodedata.normalize("NFD", chr(code))[0]
        if first.isascii() and first.isalpha():
            plain[code] = first
    return plain


_PLAIN: Final = _plain_letters()
