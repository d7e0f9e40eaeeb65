"""One way from findings text to tokens and back, shared by training, decoding, labels and metrics."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

DEIDENTIFIED = "xxxx"
"""The token of a de-identification mark (``XXXX`` in Open-I, ``___`` in MIMIC-CXR); written as ``XXXX``."""

_ABBREVIATIONS = {"dr": "doctor", "mr": "mister", "mrs": "missus", "vs": "versus", "approx": "approximately"}
# "The", "No" and the like after an ordinary word begin a sentence whose predecessor lacks its full stop.
_STARTERS = "The|There|This|No|Lungs?|Heart|Cardiac|Cardiomediastinal|Visualized|Mediastinum|Pulmonary"
_OPEN_WORDS = "a|an|and|are|as|be|by|for|from|in|is|no|of|on|or|that|the|to|with"

_MARKUP = re.compile(r"</?[A-Za-z][^<>]{0,40}>|[<>\[\]{}|\\^~`@#*\"]")
_MARK = re.compile(r"[\w'-]*(?:X{3,}|_{2,})[\w'-]*")
_ABBREVIATION = re.compile(rf"\b({'|'.join(_ABBREVIATIONS)})\b\.?", re.IGNORECASE)
_DOTTED = re.compile(r"\b((?:[A-Za-z]\.){2,})(\s+(?=[A-Z][a-z])|\s*$)?")
_REPEATED_STOP = re.compile(r"\s*([.!?])(?:\s*[.!?])+")
_MISSING_SPACE = re.compile(r"(?<=[A-Za-z][a-z)])\.(?=[A-Za-z]{2})")
_RUN_ON = re.compile(rf"\b(?!(?:{_OPEN_WORDS})\b)([a-z0-9][a-z0-9-]*)\s+(?=(?:{_STARTERS})\s)")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_LIST_MARK = re.compile(r"^(?:\(?\d{1,2}[.)]\s*(?=\D|$))+")
_TOKEN = re.compile(r"\d+\.\d+|[a-z0-9]+(?:['-][a-z0-9]+)*|[,;:()/%]")
_HAS_LETTER = re.compile(r"[a-z]")


class Tokenized(NamedTuple):
    """A report as sentences.

    Attributes:
        sentences: Readable sentences, as written, each closed by its full stop.
        tokens: Lower-case tokens of each sentence, without the full stop.
    """

    sentences: list[str]
    tokens: list[list[str]]


def clean_text(text: str) -> str:
    """Remove markup, entities, control characters and superfluous white space; words stay as written."""
    text = unicodedata.normalize("NFKD", html.unescape(text))
    text = "".join(c if c.isprintable() else " " for c in text if not unicodedata.combining(c))
    return " ".join(_MARKUP.sub(" ", text).split())


def tokenize_findings(text: str) -> Tokenized:
    """Split a findings section into sentences and tokens.

    De-identification marks become one token each; list numbers are dropped; dotted abbreviations lose their
    stops ("a.p." becomes "ap"), titles are spelled out ("Dr." becomes "doctor"); decimals stay whole;
    missing spaces after a full stop and missing full stops before an obvious new sentence are mended.
    Sentences without a letter are dropped. Text written by :func:`detokenize` gives its tokens back.

    Args:
        text: A findings section, or a generated report.

    Returns:
        Sentences and tokens, in step.
    """
    text = _MARK.sub(DEIDENTIFIED.upper(), clean_text(text))
    text = _ABBREVIATION.sub(lambda m: _spelled_out(m[1]), text)
    text = _DOTTED.sub(_without_stops, text)
    text = _REPEATED_STOP.sub(r"\1", text)
    text = _MISSING_SPACE.sub(". ", text)
    text = _RUN_ON.sub(r"\1. ", text)
    sentences, tokens = [], []
    for part in _SENTENCE_END.split(text):
        sentence = _LIST_MARK.sub("", part.strip()).strip()
        words = _TOKEN.findall(sentence.lower())
        if any(_HAS_LETTER.search(word) for word in words):
            sentences.append(sentence if sentence[-1] in ".!?" else f"{sentence}.")
            tokens.append(words)
    return Tokenized(sentences, tokens)


def detokenize(tokens: Sequence[Sequence[str]]) -> str:
    """Turn tokens back into a readable report.

    Args:
        tokens: Tokens of each sentence, without full stops.

    Returns:
        Sentences with a capital, punctuation in place and a full stop; empty sentences are left out.
    """
    return " ".join(_readable(sentence) for sentence in tokens if len(sentence))


def metric_text(tokens: Sequence[Sequence[str]]) -> str:
    """Return the text that language metrics and rewards compare: tokens and full stops, space-separated."""
    return " ".join(" ".join([*sentence, "."]) for sentence in tokens if len(sentence))


def _readable(sentence: Sequence[str]) -> str:
    text = " ".join(DEIDENTIFIED.upper() if token == DEIDENTIFIED else token for token in sentence)
    text = re.sub(r"\s+([,;:)%])", r"\1", text)
    text = re.sub(r"\(\s+", "(", text)
    text = re.sub(r"\s*/\s*", "/", text)
    return f"{text[:1].upper()}{text[1:]}."


def _spelled_out(abbreviation: str) -> str:
    word = _ABBREVIATIONS[abbreviation.lower()]
    return word.capitalize() if abbreviation[0].isupper() else word


def _without_stops(match: re.Match[str]) -> str:
    letters = match[1].replace(".", "")
    after = match[2]
    if after is None or letters.lower() in ("eg", "ie"):
        return letters + (after or "")
    return f"{letters}.{after}"
