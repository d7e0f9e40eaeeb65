"""Words that mean an empty cell or section (None, NaN, N/A), in one list for the whole product."""

from __future__ import annotations

import re

NULL_WORDS = frozenset(
    (
        *("", "nan", "none", "null", "nil", "na", "n a", "nat", "not available", "not applicable", "missing"),
        *("none available", "unavailable", "unknown", "unspecified", "undefined", "empty", "blank", "tbd"),
        *("no report", "no text", "not recorded", "not reported", "no findings section"),
    )
)
"""What counts as no text at all, in lower case and without punctuation ("N/A", "<NA>", "None.")."""

_NOT_A_WORD = re.compile(r"[\W_]+")


def is_null(value: object) -> bool:
    """Return whether a cell or a section holds nothing.

    Args:
        value: A cell of any type. None, NaN, pandas' NA and text without a letter or digit are null.

    Returns:
        True for a missing value, for blank text and for text that is one of :data:`NULL_WORDS`.
    """
    if value is None:
        return True
    # str() turns float NaN and pandas' NA into "nan" and "<NA>"
    return _NOT_A_WORD.sub(" ", str(value)[:100]).strip().lower() in NULL_WORDS
