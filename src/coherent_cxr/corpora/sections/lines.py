"""Texts of sections without superfluous blanks, their lines kept: layout says where sentences end."""

from __future__ import annotations


def tidy_lines(text: str) -> str:
    """Return a text with single blanks, none around its lines, and at most one empty line between these."""
    tidy: list[str] = []
    for line in text.splitlines():
        words = " ".join(line.split())
        if words or (tidy and tidy[-1]):
            tidy.append(words)
    return "\n".join(tidy).rstrip("\n")
