"""The rule file: lexicon, word classes and classification rules as data, read and checked.

A rule set is a YAML file; ``extends`` names files whose content it takes over, so that the shipped
``original.yml`` and ``corrected.yml`` hold only what differs between them. ``docs/labeller.md`` describes its
keys.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from coherent_cxr.chexpert.engine.aggregation import AggregationRules
from coherent_cxr.chexpert.engine.alphabet import WordClass
from coherent_cxr.chexpert.engine.mentions import Terms
from coherent_cxr.chexpert.engine.patterns import MENTION, Pattern, PatternError
from coherent_cxr.chexpert.observations import FOURTEEN, STATUS_NAMES
from coherent_cxr.chexpert.rules.checks import (
    FILE_KEYS,
    FOLDER,
    RuleFileError,
    applies,
    check_keys,
    check_observations,
    flag,
    folded,
    load_yaml,
    mapping,
    phrases,
    texts,
)
from coherent_cxr.chexpert.rules.language_file import language_of
from coherent_cxr.chexpert.rules.rule_set import PHASES, ClauseEnds, Rule, RuleSet

SHIPPED: Final = ("original", "corrected", "spanish")
_STATUS: Final[dict[str, int | None]] = {name: status for status, name in STATUS_NAMES.items()} | {
    "none": None
}


def load_rules(rules: str | Path = "original", exported: bytes | None = None) -> RuleSet:
    """Read a rule set.

    Args:
        rules: "original", "corrected", "spanish", or the path of a rule file.
        exported: What :func:`export_rules` returned, which is read in the place of files.

    Returns:
        The checked rule set.

    Raises:
        RuleFileError: If a file is missing or wrong.
    """
    content, path = _Content(), _path_of(rules)
    if exported is None:
        content.read(path, seen=())
    else:
        for is_shipped, raw in json.loads(exported)["rules"]:
            content.take(FOLDER / path.name if is_shipped else path, mapping(path, "the file", raw))
    return content.rule_set(str(rules), path)


def export_rules(rules: str | Path) -> bytes:
    """Return what a rule set says, its files in the order in which their entries win.

    Raises:
        RuleFileError: If a file is missing or wrong.
    """
    content = _Content()
    content.read(_path_of(rules), seen=())
    return json.dumps({"rules": content.files}).encode()


def _path_of(rules: str | Path) -> Path:
    return FOLDER / f"{rules}.yml" if str(rules) in SHIPPED else Path(rules)


class _Content:
    """What the files read so far say together; earlier entries win."""

    def __init__(self) -> None:
        self.observations: list[str] = []
        self.aggregation: dict[str, Any] = {}
        self.mentions: dict[str, list[str]] = {}
        self.unmentions: dict[str, list[str]] = {}
        self.removed: dict[str, set[str]] = {}
        self.words: dict[str, WordClass] = {}
        self.macros: dict[str, str] = {}
        self.starts: list[str] = []
        self.clause_ends: dict[str, Any] = {}
        self.language: dict[str, Any] = {}
        self.layout: bool | None = None
        self.rules: dict[str, list[tuple[Path, dict[str, Any]]]] = {phase: [] for phase in PHASES}
        self.digest = hashlib.sha256()
        self.files: list[tuple[bool, dict[str, Any]]] = []

    def read(self, path: Path, seen: tuple[Path, ...]) -> None:
        if path in seen:
            raise RuleFileError(
                f"The rule file {path} extends itself (through {seen[-1]}); remove one 'extends'."
            )
        raw = load_yaml(path)
        self.take(path, raw)
        for name in texts(path, "extends", raw.get("extends")):
            self.read(
                path.parent / name if "/" in name or (path.parent / name).exists() else FOLDER / name,
                (*seen, path),
            )

    def take(self, path: Path, raw: dict[str, Any]) -> None:
        """Take over what one file says, but not what it extends."""
        check_keys(path, "the file", raw, FILE_KEYS)
        self.digest.update(repr(raw).encode())
        self.files.append((path.parent == FOLDER, raw))
        self.language = {**mapping(path, "language", raw.get("language")), **self.language}
        if self.language.get("fold_accents") is True:
            raw = folded(raw)
        self.observations = self.observations or texts(path, "observations", raw.get("observations"))
        self.aggregation = self.aggregation or mapping(path, "aggregation", raw.get("aggregation"))
        for observation, entry in mapping(path, "lexicon", raw.get("lexicon")).items():
            self._read_terms(path, observation, entry)
        frames = mapping(path, "unmention_frames", raw.get("unmention_frames"))
        for observation, frame in frames.items():
            self._read_frame(path, observation, frame)
        for name, entry in mapping(path, "words", raw.get("words")).items():
            self._read_words(path, name, entry)
        for name, macro in mapping(path, "macros", raw.get("macros")).items():
            if not isinstance(macro, str):
                raise RuleFileError(f"{path}: the macro '{name}' is {macro!r}; it must be a pattern (text).")
            self.macros.setdefault(name, macro)
        self.starts += texts(path, "negating_starts", raw.get("negating_starts"))
        self.clause_ends = self.clause_ends or mapping(path, "clause_ends", raw.get("clause_ends"))
        if self.layout is None:
            self.layout = flag(path, "layout_ends_sentences", raw.get("layout_ends_sentences"))
        for phase, entries in mapping(path, "rules", raw.get("rules")).items():
            if phase not in PHASES:
                raise RuleFileError(
                    f"{path}: 'rules' has no list '{phase}'; its lists are {', '.join(PHASES)}."
                )
            if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
                raise RuleFileError(f"{path}: 'rules.{phase}' must be a list of rules, each a mapping.")
            self.rules[phase] += [(path, entry) for entry in entries]

    def _read_terms(self, path: Path, observation: str, entry: Any) -> None:
        where = f"lexicon.{observation}"
        terms = mapping(path, where, entry)
        check_keys(path, where, terms, {"mentions", "unmentions", "without"})
        self.mentions.setdefault(observation, []).extend(phrases(path, where, terms, "mentions"))
        self.unmentions.setdefault(observation, []).extend(phrases(path, where, terms, "unmentions"))
        self.removed.setdefault(observation, set()).update(phrases(path, where, terms, "without"))

    def _read_frame(self, path: Path, observation: str, frame: Any) -> None:
        where = f"unmention_frames.{observation}"
        entry = mapping(path, where, frame)
        check_keys(path, where, entry, {"before", "sides", "terms"})
        before, sides, terms = (
            texts(path, f"{where}.{key}", entry.get(key)) for key in ("before", "sides", "terms")
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
        entry = mapping(path, where, entry)
        check_keys(path, where, entry, {"words", "endings", "closed"})
        closed = flag(path, f"{where}.closed", entry.get("closed"))
        word_class = WordClass(
            words=frozenset(texts(path, f"{where}.words", entry.get("words"))),
            endings=tuple(texts(path, f"{where}.endings", entry.get("endings"))),
            closed=closed is not False,
        )
        self.words.setdefault(name, word_class)

    def rule_set(self, name: str, path: Path) -> RuleSet:
        observations = tuple(self.observations or FOURTEEN)
        for where, named in (("lexicon", self.mentions), ("unmention_frames", self.unmentions)):
            check_observations(path, where, named, observations)
        lexicon = {}
        for observation in observations:
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
        phases = {}
        for phase, entries in self.rules.items():
            here = [entry for entry in entries if applies(*entry, observations)]
            phases[phase] = tuple(self._rule(phase, observations, names, *entry) for entry in here)
        aggregation = self._aggregation_rules(path, observations)
        return RuleSet(
            name,
            observations,
            lexicon,
            self.words,
            phases,
            aggregation,
            language_of(path, self.language),
            tuple(self.starts),
            self._clause_ends(path),
            layout=bool(self.layout),
            digest=self.digest.hexdigest(),
        )

    def _clause_ends(self, path: Path) -> ClauseEnds | None:
        if not self.clause_ends:
            return None
        check_keys(path, "clause_ends", self.clause_ends, {"near", "at", "patterns", "unless"})
        near, at = (
            frozenset(texts(path, f"clause_ends.{key}", self.clause_ends.get(key))) for key in ("near", "at")
        )
        patterns = self._patterns(path, "clause_ends", "patterns", self.clause_ends)
        if not (near and at and patterns):
            raise RuleFileError(f"{path}: 'clause_ends' needs words under 'near' and 'at' and a pattern.")
        return ClauseEnds(near, at, patterns, self._patterns(path, "clause_ends", "unless", self.clause_ends))

    def _patterns(self, path: Path, where: str, key: str, entry: dict[str, Any]) -> tuple[Pattern, ...]:
        try:
            return tuple(
                Pattern(text, self.macros, self.words)
                for text in texts(path, f"{where}.{key}", entry.get(key))
            )
        except PatternError as error:
            raise RuleFileError(f"{path}: {where}: {error}") from error

    def _aggregation_rules(self, path: Path, observations: tuple[str, ...]) -> AggregationRules:
        check_keys(path, "aggregation", self.aggregation, {"no_finding", "not_a_finding", "uncertain_votes"})
        no_finding = texts(path, "aggregation.no_finding", self.aggregation.get("no_finding"))
        not_a_finding = texts(path, "aggregation.not_a_finding", self.aggregation.get("not_a_finding"))
        where = "aggregation.uncertain_votes"
        votes = mapping(path, where, self.aggregation.get("uncertain_votes"))
        check_observations(path, "aggregation", [*no_finding, *not_a_finding, *votes], observations)
        if len(no_finding) > 1:
            raise RuleFileError(
                f"{path}: 'aggregation.no_finding' is {no_finding}; it must be one observation."
            )
        return AggregationRules(
            no_finding=no_finding[0] if no_finding else None,
            not_a_finding=frozenset(not_a_finding),
            uncertain_votes={
                term: observation
                for observation, terms in votes.items()
                for term in texts(path, f"{where}.{observation}", terms)
            },
        )

    def _rule(
        self, phase: str, known: tuple[str, ...], names: set[str], path: Path, entry: dict[str, Any]
    ) -> Rule:
        name = entry.get("name")
        if not isinstance(name, str) or name in names:
            raise RuleFileError(
                f"{path}: a rule in 'rules.{phase}' has the name {name!r}; it must be a text of its own."
            )
        names.add(name)
        where = f"rule '{name}'"
        check_keys(
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
        observations = frozenset(texts(path, f"{where}.observations", entry.get("observations")))
        if path.parent == FOLDER:  # other labels may share the shipped rules
            observations &= frozenset(known)
        check_observations(path, where, observations, known)
        patterns, unless = (self._patterns(path, where, key, entry) for key in ("patterns", "unless"))
        if not patterns:
            raise RuleFileError(f"{path}: {where} needs at least one pattern with the mention {MENTION}.")
        terms = frozenset(texts(path, f"{where}.terms", entry.get("terms")))
        last_words = frozenset(texts(path, f"{where}.last_words", entry.get("last_words")))
        return Rule(name, status, patterns, unless, observations, terms, last_words)
