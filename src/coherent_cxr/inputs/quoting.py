"""Quoting of values in messages."""

from __future__ import annotations

LONGEST = 200
"""Most characters of anything from a file that a message repeats."""


def quote(value: object, longest: int = LONGEST) -> str:
    """Return a value for a sentence: between quotes, on one line, cut, with its whole length given.

    Args:
        value: What stood in a file.
        longest: Most characters of it.

    Returns:
        For example ``'S1'``, or ``'The heart is …' (1,002,686 characters)``.
    """
    text = value if isinstance(value, str) else repr(value)
    shown = "".join(c if c.isprintable() else " " for c in text[:longest])
    return f"'{shown}'" if len(text) <= longest else f"'{shown}…' ({len(text):,} characters)"


def listed(names: list[str], longest: int = LONGEST) -> str:
    """Return names from a file for a sentence, joined by commas, at most ``longest`` characters in all."""
    text = ", ".join(names)
    shown = "".join(c if c.isprintable() else " " for c in text[:longest])
    return shown if len(text) <= longest else f"{shown}… ({len(names):,} in all)"
