"""One way from findings text to tokens and back, shared by training, decoding, labels and metrics."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from sys import intern
from typing import NamedTuple

from coherent_cxr.inputs.text.layout import blocks, join_wrapped_lines

DEIDENTIFIED = "xxxx"
"""The token of a de-identification mark (``XXXX`` in Open-I, ``___`` in MIMIC-CXR); written as ``XXXX``."""

_ABBREVIATIONS = {"dr": "doctor", "mr": "mister", "mrs": "missus", "vs": "versus", "approx": "approximately"}
# "The", "No" and the like after an ordinary word begin a sentence whose predecessor lacks its full stop.
_STARTERS = "The|There|This|No|Lungs?|Heart|Cardiac|Cardiomediastinal|Visualized|Mediastinum|Pulmonary"
_OPEN_WORDS = "a|an|and|are|as|be|by|for|from|in|is|no|of|on|or|that|the|to|with"

# the last range is of circled digits (dingbats): list marks, although Python takes them for letters
_MARKUP = re.compile(r"</?[A-Za-z][^<>]{0,40}>|[<>\[\]{}|\\^~`@#*\"\u2776-\u2793]")
_WORD = re.compile(r"[\w'-]{2,}")
_IS_MARK = re.compile(r"X{3,}|_{2,}")
_LONG_NUMBER = re.compile(r"&#\d{8,}")  # no character; Python refuses to read numbers of many digits
_ABBREVIATION = re.compile(rf"\b({'|'.join(_ABBREVIATIONS)})\b\.?", re.IGNORECASE)
_DOTTED = re.compile(r"\b((?:[A-Za-z]\.){2,})(\s+(?=[A-Z][a-z])|\s*$)?")
_REPEATED_STOP = re.compile(r"\s*([.!?])(?:\s*[.!?])+")
_MISSING_SPACE = re.compile(r"(?<=[^\W\d_][^\W\d_A-Z]|[^\W\d_]\))\.(?=[^\W\d_]{2})")
_RUN_ON = re.compile(rf"\b(?!(?:{_OPEN_WORDS})\b)([a-z0-9][a-z0-9-]{{0,60}})\s+(?=(?:{_STARTERS})\s)")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_LIST_MARK = re.compile(r"^(?:\(?\d{1,2}[.)]\s*(?=\D|$))+")
_TOKEN = re.compile(r"\d+\.\d+|[^\W_]+(?:['-][^\W_]+)*|[,;:()/%]")
_HAS_LETTER = re.compile(r"[^\W\d_]")
_PLAIN_LETTER = re.compile(r"[A-Za-z]")
_MAY_HIDE = re.compile(r"[<&]")  # letters of markup and entities are no words


class Tokenized(NamedTuple):
    """A report as sentences.

    Attributes:
        sentences: Readable sentences, as written, each closed by its full stop.
        tokens: Lower-case tokens of each sentence, without the full stop.
    """

    sentences: list[str]
    tokens: list[list[str]]


def clean_section(text: str) -> str:
    """Remove markup, entities, control characters and superfluous white space; words stay as written.

    Args:
        text: A section.

    Returns:
        Text with single blanks, and an empty line wherever the layout ends a sentence
        (:mod:`~coherent_cxr.inputs.text.layout`).
    """
    paragraphs = map(_clean, join_wrapped_lines(_unescaped(text)).split("\n\n"))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def tokenize_findings(text: str) -> Tokenized:
    """Split a findings section into sentences and tokens.

    A sentence ends at its full stop or where the layout ends it: a report with one finding a line has the
    tokens of the same report as prose. De-identification marks become one token each; list marks are dropped;
    dotted abbreviations lose their stops ("a.p." becomes "ap"), titles are spelled out ("Dr." becomes
    "doctor"); decimals stay whole; missing spaces after a full stop and missing full stops before an obvious
    new sentence are fixed. Sentences without a letter are dropped. Text written by :func:`detokenize` gives
    its tokens back. Time is linear in the text.

    Args:
        text: A findings section, or a generated report.

    Returns:
        Sentences and tokens, in step.
    """
    sentences: list[str] = []
    tokens: list[list[str]] = []
    for _, block in blocks(_unescaped(text)):
        for part in _sentences(_clean(block)):
            sentence = _LIST_MARK.sub("", part.strip()).strip()
            # the same words again and again: a corpus holds each of them once
            words = [intern(word) for word in _TOKEN.findall(sentence.lower())]
            if any(_HAS_LETTER.search(word) for word in words):
                sentences.append(sentence if sentence[-1] in ".!?" else f"{sentence}.")
                tokens.append(words)
    return Tokenized(sentences, tokens)


def has_words(text: str) -> bool:
    """Return whether :func:`tokenize_findings` finds any token in a text, at a fraction of its cost."""
    if _PLAIN_LETTER.search(text) and not _MAY_HIDE.search(text):
        return True
    return bool(tokenize_findings(text).tokens)


def _unescaped(text: str) -> str:
    return html.unescape(_LONG_NUMBER.sub(" ", text)) if "&" in text else text


def _clean(text: str) -> str:
    if not text.isascii():  # one accent a letter: long runs of them would be sorted
        text = unicodedata.normalize("NFKC", _with_one_accent(text))
        text = "".join(character for character in text if not unicodedata.combining(character))
    if not text.isprintable():
        text = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(_MARKUP.sub(" ", text).split())


def _with_one_accent(text: str) -> str:
    marks = [unicodedata.combining(character) != 0 for character in text]
    return "".join(
        character
        for character, mark, before in zip(text, marks, [True, *marks], strict=False)
        if not (mark and before)
    )


def _sentences(text: str) -> list[str]:
    """Mend cleaned text of one block and split it at its full stops."""
    if "XXX" in text or "__" in text:
        text = _WORD.sub(_one_mark, text)
    text = _ABBREVIATION.sub(lambda m: _spelled_out(m[1]), text)
    text = _DOTTED.sub(_without_stops, text)
    text = _REPEATED_STOP.sub(r"\1", text)
    text = _MISSING_SPACE.sub(". ", text)
    text = _RUN_ON.sub(r"\1. ", text)
    return _SENTENCE_END.split(text)


def _one_mark(word: re.Match[str]) -> str:
    return DEIDENTIFIED.upper() if _IS_MARK.search(word[0]) else word[0]


def detokenize(tokens: Sequence[Sequence[str]]) -> str:
    """Turn tokens back into a readable report.

    Args:
        tokens: Tokens of each sentence, without full stops.

    Returns:
        Sentences with a capital, punctuation in place and a full stop; empty sentences are left out.
    """
    return " ".join(_readable(tuple(sentence)) for sentence in tokens if len(sentence))


def metric_text(tokens: Sequence[Sequence[str]]) -> str:
    """Return the text that language metrics and rewards compare: tokens and full stops, space-separated."""
    return " ".join(" ".join([*sentence, "."]) for sentence in tokens if len(sentence))


@lru_cache(maxsize=16_384)  # models write the same sentences again and again
def _readable(sentence: tuple[str, ...]) -> str:
    text = " ".join(DEIDENTIFIED.upper() if token == DEIDENTIFIED else token for token in sentence)
    text = re.sub(r"\s+([,;:)%])", r"\1", text)
    text = re.sub(r"\(\s+", "(", text)
    text = re.sub(r"\s*/\s*", "/", text)
    first = text[:1].upper()
    return f"{first if first.lower() == text[:1] else text[:1]}{text[1:]}."


def _spelled_out(abbreviation: str) -> str:
    word = _ABBREVIATIONS[abbreviation.lower()]
    return word.capitalize() if abbreviation[0].isupper() else word


def _without_stops(match: re.Match[str]) -> str:
    letters = match[1].replace(".", "")
    after = match[2]
    if after is None or letters.lower() in ("eg", "ie"):
        return letters + (after or "")
    return f"{letters}.{after}"
