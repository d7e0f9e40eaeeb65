"""The rule file: lexicon, word classes and classification rules as data, read and checked.

A rule set is a YAML file; ``extends`` names files whose content it takes over, so that the shipped
``original.yml`` and ``corrected.yml`` hold only what differs between them. ``docs/labeller.md`` describes its
keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from coherent_cxr.chexpert.alphabet import WordClass
from coherent_cxr.chexpert.mentions import Terms
from coherent_cxr.chexpert.observations import OBSERVATIONS, STATUS_NAMES
from coherent_cxr.chexpert.patterns import MENTION, Pattern, PatternError
from coherent_cxr.chexpert.rules import PHASES, Rule, RuleSet

SHIPPED: Final = ("original", "corrected")
_FOLDER: Final = Path(__file__).parent / "rule_sets"
_STATUS: Final[dict[str, int | None]] = {name: status for status, name in STATUS_NAMES.items()} | {
    "none": None
}
_KEYS: Final = {
    "extends",
    "description",
    "lexicon",
    "unmention_frames",
    "words",
    "macros",
    "negating_starts",
    "rules",
}


class RuleFileError(ValueError):
    """A rule file that cannot be used; the message names the file, the place and what would be right."""


def load_rules(rules: str | Path = "original") -> RuleSet:
    """Read a rule set.

    Args:
        rules: "original", "corrected", or the path of a rule file.

    Returns:
        The checked rule set.

    Raises:
        RuleFileError: If a file is missing or wrong.
    """
    shipped = str(rules) in SHIPPED
    path = _FOLDER / f"{rules}.yml" if shipped else Path(rules)
    content = _Content()
    content.read(path, seen=())
    return content.rule_set(str(rules), path)


class _Content:
    """What the files read so far say together; earlier entries win."""

    def __init__(self) -> None:
        self.mentions: dict[str, list[str]] = {}
        self.unmentions: dict[str, list[str]] = {}
        self.removed: dict[str, set[str]] = {}
        self.words: dict[str, WordClass] = {}
        self.macros: dict[str, str] = {}
        self.starts: list[str] = []
        self.rules: dict[str, list[tuple[Path, dict[str, Any]]]] = {phase: [] for phase in PHASES}

    def read(self, path: Path, seen: tuple[Path, ...]) -> None:
        if path in seen:
            raise RuleFileError(
                f"The rule file {path} extends itself (through {seen[-1]}); remove one 'extends'."
            )
        raw = _load_yaml(path)
        _check_keys(path, "the file", raw, _KEYS)
        for observation, entry in _mapping(path, "lexicon", raw.get("lexicon")).items():
            self._read_terms(path, observation, entry)
        frames = _mapping(path, "unmention_frames", raw.get("unmention_frames"))
        for observation, frame in frames.items():
            self._read_frame(path, observation, frame)
        for name, entry in _mapping(path, "words", raw.get("words")).items():
            self._read_words(path, name, entry)
        for name, macro in _mapping(path, "macros", raw.get("macros")).items():
            if not isinstance(macro, str):
                raise RuleFileError(f"{path}: the macro '{name}' is {macro!r}; it must be a pattern (text).")
            self.macros.setdefault(name, macro)
        self.starts += _texts(path, "negating_starts", raw.get("negating_starts"))
        for phase, entries in _mapping(path, "rules", raw.get("rules")).items():
            if phase not in PHASES:
                raise RuleFileError(
                    f"{path}: 'rules' has no list '{phase}'; its lists are {', '.join(PHASES)}."
                )
            if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
                raise RuleFileError(f"{path}: 'rules.{phase}' must be a list of rules, each a mapping.")
            self.rules[phase] += [(path, entry) for entry in entries]
        for name in _texts(path, "extends", raw.get("extends")):
            self.read(
                path.parent / name if "/" in name or (path.parent / name).exists() else _FOLDER / name,
                (*seen, path),
            )

    def _read_terms(self, path: Path, observation: str, entry: Any) -> None:
        if observation not in OBSERVATIONS:
            raise RuleFileError(
                f"{path}: 'lexicon' has an observation '{observation}'; known are {', '.join(OBSERVATIONS)}."
            )
        where = f"lexicon.{observation}"
        terms = _mapping(path, where, entry)
        _check_keys(path, where, terms, {"mentions", "unmentions", "without"})
        self.mentions.setdefault(observation, []).extend(_phrases(path, where, terms, "mentions"))
        self.unmentions.setdefault(observation, []).extend(_phrases(path, where, terms, "unmentions"))
        self.removed.setdefault(observation, set()).update(_phrases(path, where, terms, "without"))

    def _read_frame(self, path: Path, observation: str, frame: Any) -> None:
        where = f"unmention_frames.{observation}"
        entry = _mapping(path, where, frame)
        _check_keys(path, where, entry, {"before", "sides", "terms"})
        before, sides, terms = (
            _texts(path, f"{where}.{key}", entry.get(key)) for key in ("before", "sides", "terms")
        )
        self.unmentions.setdefault(observation, []).extend(
            " ".join(filter(None, (first, side, term)))
            for first in before
            for side in ("", *sides)
            for term in terms
        )

    def _read_words(self, path: Path, name: str, entry: Any) -> None:
        if isinstance(entry, list):
            entry = {"words": entry}
        where = f"words.{name}"
        entry = _mapping(path, where, entry)
        _check_keys(path, where, entry, {"words", "endings", "closed"})
        closed = entry.get("closed", True)
        if not isinstance(closed, bool):
            raise RuleFileError(f"{path}: '{where}.closed' is {closed!r}; it must be true or false.")
        word_class = WordClass(
            words=frozenset(_texts(path, f"{where}.words", entry.get("words"))),
            endings=tuple(_texts(path, f"{where}.endings", entry.get("endings"))),
            closed=closed,
        )
        self.words.setdefault(name, word_class)

    def rule_set(self, name: str, path: Path) -> RuleSet:
        lexicon = {}
        for observation in OBSERVATIONS:
            removed = self.removed.get(observation, set())
            mentions, unmentions = (
                tuple(
                    phrase for phrase in dict.fromkeys(phrases.get(observation, [])) if phrase not in removed
                )
                for phrases in (self.mentions, self.unmentions)
            )
            lexicon[observation] = Terms(mentions, unmentions)
        if not any(terms.mentions for terms in lexicon.values()):
            raise RuleFileError(
                f"{path}: there is no 'lexicon' with a mention; extend 'lexicon.yml' or write one."
            )
        names: set[str] = set()
        phases = {
            phase: tuple(self._rule(phase, *entry, names) for entry in self.rules[phase]) for phase in PHASES
        }
        return RuleSet(name, lexicon, self.words, phases, tuple(self.starts))

    def _rule(self, phase: str, path: Path, entry: dict[str, Any], names: set[str]) -> Rule:
        name = entry.get("name")
        if not isinstance(name, str) or name in names:
            raise RuleFileError(
                f"{path}: a rule in 'rules.{phase}' has the name {name!r}; it must be a text of its own."
            )
        names.add(name)
        where = f"rule '{name}'"
        _check_keys(
            path,
            where,
            entry,
            {"name", "status", "patterns", "unless", "observations", "terms", "last_words"},
        )
        status = PHASES[phase]
        if status is not None and "status" in entry:
            raise RuleFileError(
                f"{path}: {where} has a status, but its list '{phase}' gives it; remove the key."
            )
        if status is None and entry.get("status") not in _STATUS:
            raise RuleFileError(
                f"{path}: {where} has the status {entry.get('status')!r}; "
                f"it must be one of {', '.join(_STATUS)}."
            )
        status = _STATUS[entry["status"]] if status is None else status
        observations = frozenset(_texts(path, f"{where}.observations", entry.get("observations")))
        if wrong := observations - set(OBSERVATIONS):
            raise RuleFileError(
                f"{path}: {where} names {sorted(wrong)}; known are {', '.join(OBSERVATIONS)}."
            )
        try:
            patterns, unless = (
                tuple(
                    Pattern(text, self.macros, self.words)
                    for text in _texts(path, f"{where}.{key}", entry.get(key))
                )
                for key in ("patterns", "unless")
            )
        except PatternError as error:
            raise RuleFileError(f"{path}: {where}: {error}") from error
        if not patterns:
            raise RuleFileError(f"{path}: {where} needs at least one pattern with the mention {MENTION}.")
        terms = frozenset(_texts(path, f"{where}.terms", entry.get("terms")))
        last_words = frozenset(_texts(path, f"{where}.last_words", entry.get("last_words")))
        return Rule(name, status, patterns, unless, observations, terms, last_words)


def _load_yaml(path: Path) -> dict[str, Any]:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RuleFileError(
            f"The rule file {path} cannot be read ({error.strerror}). "
            f"Give {' or '.join(SHIPPED)}, or the path of a file."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RuleFileError(f"The rule file {path} is not valid YAML: {error}") from error
    return _mapping(path, "the file", raw)


def _mapping(path: Path, where: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise RuleFileError(f"{path}: '{where}' is {value!r:.60}; it must be a mapping of names.")
    return value


def _texts(path: Path, where: str, value: Any) -> list[str]:
    values = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(item, str) and item for item in values):
        raise RuleFileError(
            f"{path}: '{where}' is {value!r:.60}; it must be a list of texts (YAML reads a bare no, on or 1 "
            "as something else: write it in quotes)."
        )
    return values


def _phrases(path: Path, where: str, entry: Mapping[str, Any], key: str) -> list[str]:
    phrases = _texts(path, f"{where}.{key}", entry.get(key))
    for phrase in phrases:
        if not phrase.strip() or phrase != phrase.lower() or not phrase.isascii():
            raise RuleFileError(
                f"{path}: '{where}.{key}' has {phrase!r}; it must be lower-case ASCII, as cleaned text is."
            )
    return phrases


def _check_keys(path: Path, where: str, entry: Mapping[str, Any], known: set[str]) -> None:
    if unknown := sorted(set(entry) - known):
        raise RuleFileError(
            f"{path}: {where} has an unknown key '{unknown[0]}'; known keys: {', '.join(sorted(known))}."
        )
