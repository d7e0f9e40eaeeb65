"""Layout that ends sentences: empty lines, list marks, and line ends where no line was wrapped.

People write reports one finding a line and leave the full stops out; others let prose run over line ends.
What the lines of a text say about its sentences is decided here, once for labels and for tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from coherent_cxr.inputs.text.wrapping import ANSWERS, NARROWEST, goes_on, is_open, starts_small

_BLANK = "".join(character for character in map(chr, range(0x3001)) if character.isspace())
_SYMBOLS = "•‣⁃◦▪▫●○■□◆◇➢➤✓✔\uf0a7\uf0b7"  # the last two are Word's bullets in its own font
_RULED = _BLANK + "|:+=-–—"
_ENOUGH = 60
_LINE_END = re.compile(
    r"\r\n?|[\n\v\f\x1c-\x1e\x85\u2028\u2029]"
    r"|(?i:<br ?/?>|</?(?:p|li|ul|ol|div|tr)>)"
    r"|\\n(?=[A-Z\s\\<]|$)"  # a line end that a program wrote as two letters
    rf"|(?<=\s)(?=[{_SYMBOLS}]\s)"  # a list whose line ends were lost
)
_BULLET = re.compile(
    rf"(?:[*·|#{_SYMBOLS}\u2190-\u21ff\u25a0-\u27bf]+|[-=]*>+(?=\s)|[-–—]+(?=\s|[A-Za-z]|$)|[o~+](?=\s))(?!\d)"
)
_NUMBER = re.compile(r"\(?(\d{1,2})[.)](?!\d)(?=\s|[A-Z]|$)")
_NEXT_NUMBER = re.compile(r"(?<=\s)\(?(\d{1,2})[.)](?=\s+[A-Z])")
_NEXT_BULLET = re.compile(rf"(?<=\s)[-–*](?=\s+(?!(?i:{ANSWERS}|normal|unremarkable|stable|no\b))[A-Z])")
# "Edema? No." and "Edema ..... none" are "Edema: no"
_ASKED = re.compile(
    rf"\.{{5,}}|(?:\?|\.{{3,4}}|…)(?=\s{{0,4}}(?:(?i:{ANSWERS})\b|(?i:no)\s{{0,2}}(?:[.,;]|$)))"
)
_DENIAL = re.compile(
    r"(?:^\W*no|\bwithout|\bnegative for|\b(?:free|lack|absence) of"
    r"|\bno (?:evidence|signs?|findings?) (?:of|for))(?: any)?(?: of)?(?: the following)?:?$"
    r"|(?:\bno (?:se )?(?:hay|(?:observa|aprecia|identifica|visualiza|evidencia|objetiva|existe)n?)|\bsin"
    r"|\bausencia de)(?: (?:signos|evidencia|datos) de)?(?: los siguientes)?:?$",
    re.IGNORECASE,
)
_DASHES = str.maketrans("–—−‐‑", "-----")


class Block(NamedTuple):
    """A stretch of text whose ends are ends of sentences.

    Attributes:
        start: Index of its first character in the text as given, behind its list mark.
        text: Its characters, one for one: a line end is as many blanks, any dash a hyphen, and the mark
            before an answer ("Edema? No.", "Edema ..... none") a colon.
    """

    start: int
    text: str


class _Line(NamedTuple):
    """A line without the blanks around it; ``words`` is where it begins behind a list mark."""

    start: int
    words: int
    end: int
    after_gap: bool


def blocks(text: str) -> list[Block]:
    """Split a text where its layout ends a sentence.

    An empty line does, a list mark, and a line end before a capital or before a heading with its colon
    ("effusion: none"), unless the line before is open: it ends in a comma, a colon, or a word like "or",
    "of", "the". Before an abbreviation, and in text without small letters, the line must also have had room
    for the next word. The items of a list that a denial opens ("No evidence of:") stay with it.

    Args:
        text: Any text.

    Returns:
        The blocks in order, none blank; one with the whole text if its layout says nothing.
    """
    if is_plain(text):
        return [Block(0, text)]
    found = []
    for group in _groups(text):
        block = _joined(text, group).translate(_DASHES)
        found.append(Block(group[0].words, _ASKED.sub(lambda asked: ":".ljust(len(asked[0])), block)))
    return found


def join_wrapped_lines(text: str) -> str:
    """Join the wrapped lines of a text and leave an empty line wherever its layout ends a sentence.

    Args:
        text: Any text.

    Returns:
        Text with single blanks; words, and the list marks that blocks begin with, are as given.
    """
    if is_plain(text):
        return " ".join(text.split())
    paragraphs = (text[group[0].start : group[0].words] + _joined(text, group) for group in _groups(text))
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def as_prose(text: str) -> str:
    """Write a full stop wherever only the layout of a text ends a sentence.

    Args:
        text: Any text.

    Returns:
        The text as given if its layout says nothing; else its blocks behind one another, each with its stop.
    """
    found = blocks(text)
    if len(found) < 2:
        return text
    sentences = (" ".join(block.text.split()) for block in found)
    return " ".join(sentence if sentence[-1] in ".!?" else f"{sentence}." for sentence in sentences)


def is_plain(text: str) -> bool:
    """Return whether a text is one line without anything that could be layout, as nearly every text is.

    Args:
        text: Any text.

    Returns:
        True if :func:`blocks` would give the text back; False says nothing.
    """
    return (
        text[:1].isalpha()
        and text.isascii()
        and text.isprintable()  # no line end is
        and not ("<" in text or "\\" in text or "?" in text or "..." in text)
    )


def _joined(text: str, group: list[_Line]) -> str:
    """Return the lines of a block, one for one, behind its list mark."""
    pieces = [text[group[0].words : group[0].end]]
    denied = _denies(pieces[0][-_ENOUGH:])
    for number, (before, line) in enumerate(pairwise(group)):
        mark = "," if denied and number and line.words > line.start else " "
        pieces += [mark.ljust(line.words - before.end), text[line.words : line.end]]
    return "".join(pieces)


def _groups(text: str) -> list[list[_Line]]:
    """Return the lines of each block."""
    lines = list(_lines(text))
    width = max(NARROWEST, max((line.end - line.start for line in lines), default=0))
    grouped: list[list[_Line]] = []
    for line in lines:
        if grouped and _belongs(text, grouped[-1], line, width):
            grouped[-1].append(line)
        else:
            grouped.append([line])
    return [group for group in grouped if group[-1].end > group[0].words]


def _belongs(text: str, group: list[_Line], line: _Line, width: int) -> bool:
    """Return whether a line goes on with the block of lines before it."""
    first, last = group[0], group[-1]
    before = text[max(last.words, last.end - _ENOUGH) : last.end]
    words = text[line.words : min(line.end, line.words + _ENOUGH)]
    marked = line.words > line.start
    if line.after_gap:
        return not marked and is_open(before) and starts_small(words)
    if marked:
        in_list = last is first or last.words > last.start
        return (is_open(before) and before[-1:] != ",") or (
            in_list and _denies(text[max(first.words, first.end - _ENOUGH) : first.end])
        )
    return goes_on(before, words, width - (last.end - last.start))


def _denies(end_of_line: str) -> bool:
    """Return whether a line opens a list of what is not there."""
    return _DENIAL.search(end_of_line) is not None


def _lines(text: str) -> Iterator[_Line]:
    edges = [0, *(edge for match in _LINE_END.finditer(text) for edge in match.span()), len(text)]
    number, after_gap = -1, True
    for begin, stop in zip(edges[::2], edges[1::2], strict=True):
        line = text[begin:stop]
        if not line.strip(_RULED) or (len(line) >= 5 and not line.strip(_BLANK + "_")):
            after_gap = True
            continue
        start, end = stop - len(line.lstrip(_BLANK)), begin + len(line.rstrip(_BLANK + "|"))
        while start < end:
            words, stops = start, end
            if bullet := _BULLET.match(text, start, end):
                words = bullet.end()
                following = _NEXT_BULLET.search(text, words, end)
                stops = following.start() if following else end
            elif (counted := _NUMBER.match(text, start, end)) and (
                after_gap or int(counted[1]) in (1, number + 1)
            ):
                words, number = counted.end(), int(counted[1])
                numbers = _NEXT_NUMBER.finditer(text, words, end)
                stops = next((n.start() for n in numbers if int(n[1]) == number + 1), end)
            last = start + len(text[start:stops].rstrip(_BLANK))
            words = min(last, words + len(text[words:last]) - len(text[words:last].lstrip(_BLANK)))
            yield _Line(start, words, last, after_gap)
            start, after_gap = stops, False
