"""Step zero: the original tool's text cleaning, with and without a map back to the text as it was given.

The order of the substitutions is the original's (Irvin et al. 2019); its side effects, such as ``1.5 cm``
becoming two sentences, are part of the labels it gives and are kept.
"""

import re
from itertools import pairwise
from typing import NamedTuple

from coherent_cxr.chexpert.engine.language import Language

_SLASH = re.compile(r"(?<=[a-z])/(?=[a-z])")
_TWO_PERIODS = re.compile(r"\. \.")
_NOT_PRINTABLE = re.compile(r"[^ -~]")
_UNTIDY_BLANKS = re.compile(r"[^\S ]\s*| \s+")


class CleanedText(NamedTuple):
    """A cleaned text and where each of its characters came from.

    Attributes:
        text: What :func:`clean_text` returns.
        offsets: For each character of ``text`` the index of its source character in the given text.
    """

    text: str
    offsets: list[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Translate a span of the cleaned text (end exclusive, not empty) into one of the given text."""
        return self.offsets[start], self.offsets[end - 1] + 1


def clean_text(text: str, language: Language) -> str:
    """Clean a report section as the original labeller does before anything else.

    Args:
        text: Any string.
        language: Words for a slash, and whether accents count.

    Returns:
        Lower-case printable ASCII with a blank after every period and comma and no other doubled blanks.
    """
    text = language.folded(text.lower())
    if "/" in text:
        either, alternative = language.either, language.alternative
        text = _SLASH.sub(f" {alternative} ", text.replace(either, alternative) if either else text)
    text = text.replace("..", ".").replace(".", ". ").replace(",", ", ")
    text = " ".join(text.split())
    if ". ." in text:
        text = _TWO_PERIODS.sub(".", text)
    if not (text.isascii() and text.isprintable()):
        text = " ".join(_NOT_PRINTABLE.sub("", text).split())
    return text


def clean_text_with_offsets(text: str, language: Language) -> CleanedText:
    """Do what :func:`clean_text` does and remember where every character came from.

    Args:
        text: Any string.
        language: As there.

    Returns:
        The same cleaned text, with offsets into ``text``.
    """
    if text.isascii():
        cleaned = CleanedText(text.lower(), list(range(len(text))))
    else:  # some small letters are two characters
        lowered = [character.lower() for character in text]
        offsets = [index for index, small in enumerate(lowered) for _ in small]
        cleaned = CleanedText(language.folded("".join(lowered)), offsets)
    for pattern, replacement in (
        (re.compile(re.escape(language.either) or "(?!)"), language.alternative),
        (_SLASH, f" {language.alternative} "),
        (re.compile(r"\.\."), "."),
        (re.compile(r"\."), ". "),
        (re.compile(","), ", "),
        (_UNTIDY_BLANKS, " "),
        (re.compile(r"^ | $"), ""),
        (_TWO_PERIODS, "."),
        (_NOT_PRINTABLE, ""),
        (_UNTIDY_BLANKS, " "),
        (re.compile(r"^ | $"), ""),
    ):
        cleaned = _substitute(cleaned, pattern, replacement)
    return cleaned


def _substitute(cleaned: CleanedText, pattern: re.Pattern[str], replacement: str) -> CleanedText:
    text, offsets = cleaned
    matches = list(pattern.finditer(text))
    if not matches:
        return cleaned
    pieces: list[str] = []
    sources: list[int] = []
    edges = [0, *(edge for match in matches for edge in match.span()), len(text)]
    for number, (start, end) in enumerate(pairwise(edges)):
        if number % 2 == 0:
            pieces.append(text[start:end])
            sources.extend(offsets[start:end])
        else:
            pieces.append(replacement)
            sources.extend(offsets[min(start + shift, end - 1)] for shift in range(len(replacement)))
    return CleanedText("".join(pieces), sources)
