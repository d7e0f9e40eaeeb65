"""Names of files and members as they may be shown: on one line, without control characters."""

from __future__ import annotations

LONGEST = 200


def printable(name: object, longest: int = LONGEST) -> str:
    r"""Return a name for tables, logs and terminals.

    Args:
        name: A name from outside. It may hold anything that a file system or an archive takes: line ends,
            escape sequences, bytes that are no UTF-8 (lone surrogates in Python).
        longest: Most characters; the end of a longer name is kept, as it tells names apart.

    Returns:
        The name; each character that is not printable as its escape, such as ``\x1b``.
    """
    text = str(name)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return text if len(text) <= longest else f"…{text[1 - longest :]}"
