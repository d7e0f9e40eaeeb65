"""The key ``language`` of a rule file; what a file leaves out is English (``rule_sets/english.yml``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from coherent_cxr.chexpert.engine.language import Language
from coherent_cxr.chexpert.rules.checks import (
    FOLDER,
    RuleFileError,
    check_keys,
    flag,
    load_yaml,
    mapping,
    texts,
)

_SIDES: Final = ("left", "right", "both")
_PATTERNS: Final = ("limited", "next_part", "clear", "not_clear", "focal", "open_end", "no_measure")
_OBSERVATIONS: Final = ("clear_denies", "focal_of", "several")
_TEXTS: Final = ("either", "alternative", "normal_report")
_KEYS: Final = (*_SIDES, *_PATTERNS, *_OBSERVATIONS, *_TEXTS, "abbreviations", "fold_accents")


def language_of(path: Path, given: Mapping[str, Any]) -> Language:
    """Read the key ``language`` of a rule file.

    Args:
        path: The file, for messages.
        given: What it says.

    Raises:
        RuleFileError: If a key is unknown, or a pattern is no regular expression.
    """
    check_keys(path, "language", given, _KEYS)
    content = {**_english_words(), **given}

    def named(key: str) -> list[str]:
        return texts(path, f"language.{key}", content.get(key))

    patterns = {key: _pattern(path, key, named(key)) for key in (*_SIDES, *_PATTERNS)}
    clear_denies, focal_of, several = (frozenset(named(key)) for key in _OBSERVATIONS)
    either, alternative, normal_report = ((*named(key), "")[0] for key in _TEXTS)
    return Language(
        fold_accents=flag(path, "language.fold_accents", content.get("fold_accents")) is True,
        either=either,
        alternative=alternative,
        normal_report=normal_report,
        abbreviations=frozenset(f"{word}." for word in named("abbreviations")),
        sides=tuple((side, patterns.pop(side)) for side in _SIDES),
        clear_denies=clear_denies,
        focal_of=focal_of,
        several=several,
        limited=patterns["limited"],
        next_part=patterns["next_part"],
        clear=patterns["clear"],
        not_clear=patterns["not_clear"],
        focal=patterns["focal"],
        open_end=patterns["open_end"],
        no_measure=patterns["no_measure"],
    )


@cache
def english() -> Language:
    """Return the language of texts where nothing else is said."""
    return language_of(FOLDER / "english.yml", {})


@cache
def _english_words() -> dict[str, Any]:
    path = FOLDER / "english.yml"
    return mapping(path, "language", load_yaml(path).get("language"))


def _pattern(path: Path, key: str, written: list[str]) -> re.Pattern[str]:
    """Return a regular expression over words; several are alternatives, none matches nothing."""
    try:
        return re.compile("|".join(written) if written else "(?!)", re.IGNORECASE)
    except (re.error, RecursionError, OverflowError) as error:
        raise RuleFileError(
            f"{path}: 'language.{key}' holds a pattern that is no regular expression ({error})."
        ) from error
