"""Escaping of names in figures."""

from __future__ import annotations


def literal(text: str) -> str:
    """Return a text that matplotlib draws as it is: between two dollar signs it would read mathematics."""
    return text.replace("$", r"\$")
