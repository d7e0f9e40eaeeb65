"""Words as characters: how the classification rules read a sentence.

Every token becomes one character, chosen by the set of word classes and rule words it belongs to, so that a
pattern over words becomes a regular expression over characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_TOKEN = re.compile(r"[a-z0-9_]+(?:['-][a-z0-9_]+)*|<[a-z]+>|[^\sa-z0-9_\"'`]")


@dataclass(frozen=True)
class WordClass:
    """A named set of words, given by listing and by ending.

    Attributes:
        words: Lower-case words.
        endings: Lower-case suffixes; they apply to words that no class lists.
        closed: Whether its words are function words, which the class ``<word>`` leaves out.
    """

    words: frozenset[str]
    endings: tuple[str, ...] = ()
    closed: bool = True


def tokenize(sentence: str) -> list[tuple[int, int, str]]:
    """Split a cleaned sentence, without the mark that ends it, into (start, end, token).

    Tokens are words (with the hyphens and apostrophes inside them), placeholders such as ``<unk>``, numbers,
    and single marks; quotation marks are passed over.
    """
    return [(match.start(), match.end(), match.group()) for match in _TOKEN.finditer(sentence.rstrip(" .?!"))]


def _kind(word: str) -> str:
    """Return the class of a word that no class lists; underscores and placeholders stand for a word."""
    if word[0].isdigit():
        return "number"
    return "" if word[0].isalpha() or word[0] == "_" or len(word) > 1 else "mark"


class Alphabet:
    """The mapping of tokens to characters that a set of patterns needs.

    Args:
        classes: Word classes by name.
        literals: Words that patterns name directly.
    """

    def __init__(self, classes: Mapping[str, WordClass], literals: Iterable[str]) -> None:
        self._classes = classes
        self._letters: dict[tuple[frozenset[str], str], str] = {}
        named = set(literals)
        listed = {word for word_class in classes.values() for word in word_class.words}
        self._words = {
            word: self._letter(self._classes_of(word), word if word in named else "")
            for word in sorted(listed | named)
        }
        self._endings = tuple(
            (ending, self._letter(frozenset({name}), ""))
            for name, word_class in classes.items()
            for ending in word_class.endings
        )
        self._suffixes = tuple(ending for ending, _ in self._endings)
        self._kinds = {kind: self._letter(frozenset({kind} - {""}), "") for kind in ("number", "mark", "")}

    def _letter(self, names: frozenset[str], literal: str) -> str:
        return self._letters.setdefault((names, literal), chr(0x100 + len(self._letters)))

    def _classes_of(self, word: str) -> frozenset[str]:
        if names := frozenset(name for name, word_class in self._classes.items() if word in word_class.words):
            return names
        for name, word_class in self._classes.items():
            if word.endswith(word_class.endings):
                return frozenset({name})
        return frozenset({_kind(word)} - {""})

    def encode(self, token: str) -> str:
        """Return the one character that stands for a token."""
        letter = self._words.get(token)
        if letter is not None:
            return letter
        if token.endswith(self._suffixes):
            return next(letter for ending, letter in self._endings if token.endswith(ending))
        return self._kinds[_kind(token)]

    def letters(self, atom: str) -> str:
        """Return all characters that an atom of a pattern (a word or ``<class>``) stands for."""
        if not atom.startswith("<"):
            return "".join(char for (_, literal), char in self._letters.items() if literal == atom)
        name = atom[1:-1]
        if name == "any":
            return "".join(self._letters.values())
        closed = {n for n, c in self._classes.items() if c.closed} | {"number", "mark"}
        if name == "word":
            return "".join(char for (names, _), char in self._letters.items() if not names & closed)
        return "".join(char for (names, _), char in self._letters.items() if name in names)
