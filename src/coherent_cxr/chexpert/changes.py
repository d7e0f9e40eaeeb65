"""What a report says of the course of findings since the study before: new, worsened, improved and so on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from coherent_cxr.chexpert.contradictions import sentence_spans
from coherent_cxr.chexpert.engine.labeller import CheXpertLabeler
from coherent_cxr.chexpert.observations import NEGATIVE
from coherent_cxr.chexpert.rules.checks import RuleFileError, check_keys, load_yaml, mapping, texts

CHANGES: Final = ("new", "worsened", "improved", "unchanged", "resolved")
RULES: Final = Path(__file__).parent / "rules" / "rule_sets" / "changes.yml"
_NONE: Final = "none"
_NEGATION: Final = re.compile(r"\b(?:no|not|without|never|neither|resol\w+|clear\w+|absorb\w+)\b")
_KEYS: Final = {"macros", "breaks", "joints", _NONE, "changes"}


class Change(NamedTuple):
    """What is said of one finding."""

    observation: str
    change: str


class _Cue(NamedTuple):
    start: int
    end: int
    change: str


class _Found(NamedTuple):
    """A mention: where its words stand, its observation, and whether it is denied."""

    start: int
    end: int
    observation: str
    denied: bool


class ChangeReader:
    """Reads changes by rules that are data.

    A cue ("has increased", "interval removal of") applies to the findings in its part of the sentence. If one
    of them follows it, it also applies to later parts without a cue ("stable cardiomegaly and effusion"),
    else to earlier ones ("cardiomegaly and effusion are stable"). Of denied findings only "resolved" counts.

    Args:
        labeler: Finds the findings.
        rules: The rule file.

    Raises:
        RuleFileError: If it cannot be used.
    """

    def __init__(self, labeler: CheXpertLabeler, rules: Path = RULES) -> None:
        content = load_yaml(rules)
        check_keys(rules, "the file", content, _KEYS)
        macros = mapping(rules, "macros", content.get("macros"))
        changes = mapping(rules, "changes", content.get("changes"))
        check_keys(rules, "'changes'", changes, set(CHANGES))
        lists: dict[str, Any] = {_NONE: content.get(_NONE), **changes}
        self._cues = {name: _compiled(rules, name, own, macros) for name, own in lists.items()}
        self._breaks = _compiled(rules, "breaks", content.get("breaks"), macros)
        self._joints = _compiled(rules, "joints", content.get("joints"), macros)
        self._labeler = labeler
        self.read_sentence = cache(self._read_sentence)

    def read(self, text: str) -> frozenset[Change]:
        """Return every change that a report states; a finding may have several, one on each side.

        Args:
            text: The report, readable.
        """
        found: set[Change] = set()
        for start, end in sentence_spans(text):
            found |= self.read_sentence(text[start:end])
        return frozenset(found)

    def _read_sentence(self, sentence: str) -> frozenset[Change]:
        words = sentence.lower()
        cues = self._find_cues(words)
        if len(words) != len(sentence) or not any(cue.change != _NONE for cue in cues):
            return frozenset()
        # The labeller must not take "no change in" or "no longer" for a denial of the finding.
        plain = list(sentence)
        for cue in cues:
            if cue.change != _NONE and _NEGATION.search(words, cue.start, cue.end):
                plain[cue.start : cue.end] = " " * (cue.end - cue.start)
        mentions = [
            _Found(m.start, m.end, m.observation, m.status == NEGATIVE)
            for m in self._labeler.explain("".join(plain))
            if m.observation != "No Finding"
        ]
        ends = [found.start() for found in self._breaks.finditer(words)]
        found = set()
        for start, end in zip([0, *ends], [*ends, len(words)], strict=True):
            inside = [m for m in mentions if start <= m.start < end]
            own = [cue for cue in cues if start <= cue.start < end and cue.change != _NONE]
            found |= set(self._attach(words, (start, end), inside, own))
        return frozenset(found)

    def _attach(
        self, words: str, span: tuple[int, int], mentions: list[_Found], cues: list[_Cue]
    ) -> Iterator[Change]:
        inner = [
            joint.start()
            for joint in self._joints.finditer(words, *span)
            if not any(cue.start <= joint.start() < cue.end for cue in cues)
        ]
        every: list[_Found | _Cue] = [*mentions, *cues]
        part_of = {one: sum(joint <= one.start for joint in inner) for one in every}
        ahead = {
            cue: any(part_of[m] == part_of[cue] and m.start >= cue.end for m in mentions) for cue in cues
        }
        for mention in mentions:
            here = part_of[mention]
            own = [cue for cue in cues if part_of[cue] == here]
            before = [cue for cue in cues if part_of[cue] < here and ahead[cue]]
            behind = [cue for cue in cues if part_of[cue] > here and not ahead[cue]]
            if own:
                cue = min(own, key=lambda cue: _distance(cue, mention))
            elif behind and not any(part_of[c] < part_of[behind[0]] and part_of[c] > here for c in cues):
                cue = behind[0]
            elif before and not any(part_of[before[-1]] < part_of[c] < here for c in cues):
                cue = before[-1]
            else:
                continue
            if cue.change == "resolved" or not mention.denied:
                yield Change(mention.observation, cue.change)

    def _find_cues(self, words: str) -> list[_Cue]:
        cues: list[_Cue] = []
        for change, pattern in self._cues.items():
            for found in pattern.finditer(words):
                if not any(found.start() < cue.end and cue.start < found.end() for cue in cues):
                    cues.append(_Cue(found.start(), found.end(), change))
        return sorted(cues)


def _distance(cue: _Cue, mention: _Found) -> int:
    return max(cue.start - mention.end, mention.start - cue.end)


def _compiled(path: Path, name: str, given: Any, macros: Mapping[str, Any]) -> re.Pattern[str]:
    patterns = texts(path, name, given)
    filled = [re.sub(r"<(\w+)>", lambda m: str(macros.get(m[1], m[0])), one) for one in patterns]
    try:
        return re.compile("|".join(f"(?:{one})" for one in filled) or r"(?!)")
    except re.error as error:
        raise RuleFileError(f"{path}: '{name}' holds a pattern that cannot be used ({error}).") from error
