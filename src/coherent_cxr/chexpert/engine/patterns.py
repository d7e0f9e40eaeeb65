"""The pattern language of the classification rules, compiled to regular expressions over word classes.

A pattern describes the words around a mention, which is written ``X``::

    no|without <list>* X            "no" or "without", then words of an enumeration, then the mention
    X <noun>* <be> <adverb>* normal     the mention's phrase, a copula, "normal"

Items are separated by blanks: a word, ``<class>`` (a word class of the rule file), alternatives with ``|``,
``$macro`` (a named piece of pattern), a group ``( a b / c d )``, each optionally followed by ``?``, ``*`` or
``+``; ``!`` before an item: any token but these; ``^`` and ``$`` are the ends of the sentence. ``<word>`` is
any word of no closed class, ``<number>`` and ``<mark>`` are numbers and marks, ``<any>`` is any token.

A sentence is matched outwards from the mention: to the left in reverse, then to the right. A repeated group
may not contain a repetition, and at most :data:`WINDOW` tokens on either side are looked at, so the time for
a sentence grows linearly with its length whatever it says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from coherent_cxr.chexpert.engine.alphabet import Alphabet

WINDOW: Final = 48
MENTION: Final = "X"
_MIDDLE: Final = "\x01"
_EDGE: Final = "\x02"
_ITEM = re.compile(r"\(|\)[?*+]?|/|[^\s()]+")


class PatternError(ValueError):
    """A pattern that cannot be read; the message quotes it and says what is wrong."""


@dataclass(frozen=True)
class _Piece:
    atoms: tuple[str, ...] = ()
    branches: tuple[tuple[_Piece, ...], ...] = ()
    repeat: str = ""
    negated: bool = False


class Pattern:
    """One parsed pattern.

    Args:
        source: The pattern as written.
        macros: Named pieces of pattern.
        known: Names of word classes.

    Raises:
        PatternError: If the pattern cannot be read.
    """

    def __init__(self, source: str, macros: Mapping[str, str], known: Iterable[str]) -> None:
        self.source = source
        self._known = {*known, "word", "any", "number", "mark"}
        items = _ITEM.findall(_expand(source, macros))
        if items.count(MENTION) != 1:
            raise PatternError(f"The pattern '{source}' must contain the mention X exactly once.")
        middle = items.index(MENTION)
        if items[:middle].count("(") != sum(item[0] == ")" for item in items[:middle]):
            raise PatternError(
                f"The pattern '{source}' has the mention X inside a group; it must stand outside."
            )
        self._from_start = items[0] == "^"
        self._to_end = items[-1] == "$"
        self._left = self._parse(items[self._from_start : middle])
        self._right = self._parse(items[middle + 1 : len(items) - self._to_end])

    @property
    def literals(self) -> set[str]:
        """The words that the pattern names directly."""
        return {atom for atom in _atoms((*self._left, *self._right)) if not atom.startswith("<")}

    def regexes(self, alphabet: Alphabet) -> tuple[str, str]:
        """Write two regular expressions over :func:`context` strings, up to the mention and on from it."""
        left = _write(self._left, alphabet, backwards=True)
        gap = _EDGE + _MIDDLE if self._from_start else f"[^{_MIDDLE}]*+{_MIDDLE}"
        right = _write(self._right, alphabet, backwards=False)
        return left + gap, right + (_EDGE if self._to_end else "")

    def _parse(self, items: Sequence[str]) -> tuple[_Piece, ...]:
        stack: list[list[list[_Piece]]] = [[[]]]
        for item in items:
            if item == "(":
                stack.append([[]])
            elif item == "/":
                stack[-1].append([])
            elif item[0] == ")":
                if len(stack) == 1:
                    raise PatternError(f"The pattern '{self.source}' closes a group that it did not open.")
                branches = tuple(tuple(branch) for branch in stack.pop())
                group = _Piece(branches=branches, repeat=item[1:])
                if group.repeat in ("*", "+") and any(p.repeat in ("*", "+") for b in branches for p in b):
                    raise PatternError(
                        f"The pattern '{self.source}' repeats a group that contains a repetition; "
                        "write it without one, since matching could take too long."
                    )
                stack[-1][-1].append(group)
            else:
                stack[-1][-1].append(self._piece(item))
        if len(stack) != 1 or len(stack[0]) != 1:
            raise PatternError(
                f"The pattern '{self.source}' has a group that is not closed, or a '/' outside one."
            )
        return tuple(stack[0][0])

    def _piece(self, item: str) -> _Piece:
        repeat = item[-1] if item[-1] in "?*+" and len(item) > 1 else ""
        atoms = tuple(item.removeprefix("!").removesuffix(repeat).split("|"))
        for atom in atoms:
            if not atom or (atom[0] == "<") != (atom[-1] == ">") or atom[0] in "$^":
                raise PatternError(f"The pattern '{self.source}' has a piece '{item}' that cannot be read.")
            if atom[0] == "<" and atom[1:-1] not in self._known:
                names = ", ".join(sorted(self._known))
                raise PatternError(
                    f"The pattern '{self.source}' names a class {atom}; known classes: {names}."
                )
        return _Piece(atoms=atoms, repeat=repeat, negated=item.startswith("!"))


def any_of(patterns: Iterable[Pattern], alphabet: Alphabet) -> str:
    """Write one regular expression for some patterns; what they share on the left is tried once."""
    by_left: dict[str, list[str]] = {}
    for pattern in patterns:
        left, right = pattern.regexes(alphabet)
        by_left.setdefault(left, []).append(right)
    return "|".join(f"{left}(?:{'|'.join(rights)})" for left, rights in by_left.items())


def context(letters: str, first: int, last: int) -> str:
    """Turn an encoded sentence inside out around the tokens ``first..last`` (inclusive) of a mention."""
    begin, end = first - WINDOW, last + 1 + WINDOW
    left = letters[begin:first][::-1] if begin > 0 else letters[:first][::-1] + _EDGE
    right = letters[last + 1 : end] if end < len(letters) else letters[last + 1 :] + _EDGE
    return left + _MIDDLE + right


def _expand(source: str, macros: Mapping[str, str]) -> str:
    for _ in range(8):
        if "$" not in source.removesuffix("$"):
            return source
        for name in sorted(macros, key=len, reverse=True):
            source = source.replace(f"${name}", macros[name])
    raise PatternError(
        f"The pattern '{source}' names a macro that is not defined, or one that contains itself."
    )


def _atoms(pieces: Iterable[_Piece]) -> Iterable[str]:
    for piece in pieces:
        yield from piece.atoms
        for branch in piece.branches:
            yield from _atoms(branch)


def _write(pieces: Sequence[_Piece], alphabet: Alphabet, *, backwards: bool) -> str:
    written = []
    for piece in reversed(pieces) if backwards else pieces:
        if piece.branches:
            body = "|".join(_write(branch, alphabet, backwards=backwards) for branch in piece.branches)
            written.append(f"(?:{body}){piece.repeat}")
        else:
            letters = "".join(sorted({char for atom in piece.atoms for char in alphabet.letters(atom)}))
            if piece.negated:
                written.append(f"[^{letters}{_MIDDLE}{_EDGE}]{piece.repeat}")
            else:
                written.append(f"[{letters}]{piece.repeat}" if letters else "(?!)")
    return "".join(written)
