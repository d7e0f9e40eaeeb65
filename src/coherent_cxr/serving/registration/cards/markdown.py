"""Texts from outside in Markdown: shown as they are, never read as markup."""

from __future__ import annotations

import re

from coherent_cxr.inputs.names import printable

LONGEST = 500
_MARKUP = re.compile(r"[\\`*_\[\]<>&|~$#!]")
_BEGINS_BLOCK = re.compile(r"^(?:[-+=:]|\d{1,9}(?=[.)]))")
_BACKTICKS = re.compile("`+")


def plain(value: object, longest: int = LONGEST) -> str:
    """Return a value as one line of plain text in Markdown, also for a table's cell.

    Args:
        value: Anything from outside: a name, a notice, a number.
        longest: Most characters of it.

    Returns:
        The text with a backslash before every character that could begin markup, HTML or a cell.
    """
    shown = _MARKUP.sub(r"\\\g<0>", _one_line(value, longest))
    block = _BEGINS_BLOCK.match(shown)
    if block is None:
        return shown
    mark = block[0]
    return f"{mark}\\{shown[len(mark) :]}" if mark.isdigit() else f"\\{shown}"


def code(value: object, longest: int = LONGEST) -> str:
    """Return a value as inline code in Markdown, whatever backticks it holds.

    Args:
        value: Anything from outside.
        longest: Most characters of it.
    """
    shown = _one_line(value, longest)
    fence = "`" * (1 + max(map(len, _BACKTICKS.findall(shown)), default=0))
    blank = " " if not shown or "`" in (shown[0], shown[-1]) else ""
    return f"{fence}{blank}{shown}{blank}{fence}"


def _one_line(value: object, longest: int) -> str:
    return printable(" ".join(str(value).split()), longest)
