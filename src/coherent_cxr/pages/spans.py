"""Highlighted stretches of a text."""

from __future__ import annotations


def whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """Widen a stretch to the words it touches, hyphenated ones included.

    Args:
        text: The text.
        start: Its first character.
        end: Behind its last one.
    """
    if start >= end:
        return start, end
    while start > 0 and _inside_a_word(text, start):
        start -= 1
    while end < len(text) and _inside_a_word(text, end):
        end += 1
    return start, end


def _inside_a_word(text: str, cut: int) -> bool:
    """Whether a cut before this character parts a word."""
    before, after = text[cut - 1], text[cut]
    if before.isalnum() and after.isalnum():
        return True
    joined = text[cut - 2 : cut] if before in "-'’" else ""
    return (len(joined) == 2 and joined[0].isalnum() and after.isalnum()) or (
        after in "-'’" and before.isalnum() and text[cut + 1 : cut + 2].isalnum()
    )
