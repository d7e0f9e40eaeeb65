"""The error for a foreign file that cannot be used."""

from __future__ import annotations


class TableError(ValueError):
    """A table that cannot be used; the message names the file, the row and what to do, and no report text."""
