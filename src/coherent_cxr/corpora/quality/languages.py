"""Which language a report is in, by its commonest small words."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

WORDS = {
    "English": {"the", "is", "no", "are", "of", "and", "there", "with", "normal", "in", "without"},
    "Spanish": {"el", "los", "las", "sin", "del", "con", "se", "una", "en", "y", "la", "de"},
    "Portuguese": {"sem", "os", "da", "do", "nos", "em", "com", "não", "e", "uma", "das", "de"},
    "French": {"le", "les", "pas", "des", "du", "une", "est", "et", "sans", "il", "aux", "de", "la"},
    "German": {"der", "die", "das", "kein", "keine", "und", "im", "ist", "nicht", "mit", "ohne", "bei"},
    "Italian": {"il", "non", "di", "della", "dei", "con", "nei", "si", "lo", "alla", "e", "la"},
    "Dutch": {"het", "de", "geen", "een", "van", "en", "zijn", "niet", "met", "op", "is", "in"},
}
UNKNOWN = "not recognised"
_WORD = re.compile(r"[^\W\d_]+")


def language_of(text: str) -> str:
    """Return the language whose small words a text has most of; "not recognised" without any, or for two."""
    words = _WORD.findall(text.lower())
    counts = {name: sum(word in own for word in words) for name, own in WORDS.items()}
    most = max(counts.values())
    first, *others = [name for name, count in counts.items() if count == most]
    return first if most and not others else UNKNOWN


def languages(texts: Iterable[str]) -> pd.DataFrame:
    """Count texts by language: language, studies, share; the commonest first."""
    counts = pd.Series([language_of(text) for text in texts], dtype="str").value_counts()
    table = counts.rename_axis("language").rename("studies").reset_index()
    return table.assign(share=table["studies"] / max(1, counts.sum()))
