"""Recognising the headings of free-text reports; what counts is data (``section_rules/*.yml``)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ValidationError

from coherent_cxr.corpora.sections.edit_distance import within
from coherent_cxr.inputs.quoting import quote
from coherent_cxr.inputs.text.accents import without_accents
from coherent_cxr.inputs.yaml_files import YamlFileError, read_mapping

FINAL, OTHER = "final", "other"
"""What a heading opens that ends an aside, and one in capitals that nobody knows."""
MOST_GUESSES = 200
"""Headings of one report that are compared letter by letter; no report has more."""

# capitals, and all letters, with the accents of Western European languages
_UPPER, _LETTERS = "A-ZÀ-ÖØ-Þ", "A-Za-zÀ-ÖØ-öø-ÿ"
_MARK = r"(?:(?:\d{1,2}|[IVX]{1,4}|[A-H])[.)]\s*|[-*•–·#]+\s*)?"
_NAME = rf"[{_LETTERS}](?:[{_LETTERS}0-9 ,/&()'._#+-]|(?<=\d):(?=\d)){{0,90}}?"
_BEFORE_COLON = re.compile(
    rf"{_MARK}(?P<name>{_NAME})[\s*]*(?:;|:(?!\d)|(?<!\d):)+[\s*]*(?P<rest>.*)", re.DOTALL
)
_ALONE = re.compile(rf"{_MARK}(?P<name>[{_UPPER}][{_UPPER} ,/&()-]{{2,80}})(?:[.:;*]*|\s*[-–—]+)")
_BEFORE_DASH = re.compile(
    rf"{_MARK}(?P<name>[{_UPPER}][{_UPPER} /&]{{2,60}}?)\s*(?:--+|\s[-–—=])\s*(?P<rest>\S.*)", re.DOTALL
)
_BEFORE_SENTENCE = re.compile(
    rf"(?P<name>[{_UPPER}][{_UPPER}/&]{{5,}}(?: [{_UPPER}/&]{{2,}}){{0,4}}) +(?P<rest>[{_UPPER}0-9_].*)",
    re.DOTALL,
)
_UNKNOWN = re.compile(rf"[{_UPPER}](?:[{_UPPER}0-9 ,/&()'._#+-]|(?<=\d):(?=\d)){{3,90}}")
_WORD = re.compile(r"[a-z0-9]+(?:[.'-][a-z0-9]+)*")
Place = Literal["paragraph", "line", "inside"]


class SectionRuleError(ValueError):
    """A rule file that cannot be used; the message names the file and what is wrong."""


class Heading(NamedTuple):
    """A heading: the section that it opens, and the text behind it."""

    section: str
    rest: str


class Headings:
    """The headings of one rule file.

    Args:
        rules: Path of a rule file, or the name of one that comes with the package.

    Attributes:
        one_paragraph: Sections that end with their first paragraph.
        asides: Sections that are no part of the final report.

    Raises:
        SectionRuleError: If the file is missing, is not YAML, or lacks a part.
    """

    def __init__(self, rules: str | Path) -> None:
        data = _read(str(rules))
        self._section_of = _by_name(data.sections)
        self._aside_of = _by_name(data.aside)
        self._known = {
            **dict.fromkeys(map(normal, data.final), FINAL),
            **self._section_of,
            **self._aside_of,
        }
        self._patterns = [
            (re.compile(pattern), section)
            for section, patterns in data.patterns.items()
            for pattern in patterns
        ]
        self._examined = data.examinations.section
        self._nouns, self._never = set(data.examinations.nouns), set(data.examinations.never)
        self._views = self._nouns | set(data.examinations.words)
        self._structures = set(data.structures)
        self._quality = set(data.quality)
        self._sentence_words = set(data.sentence_words)
        self._nothing = set(map(normal, data.nothing))
        self.one_paragraph = set(data.one_paragraph)
        self.asides = set(data.aside)
        asides = "|".join(sorted(map(re.escape, self._aside_of), key=len, reverse=True)) or "(?!)"
        self._aside = re.compile(rf"(?P<name>{asides.upper()})\b[\s:;.]*(?P<rest>.*)", re.DOTALL)
        self._guesses = 0

    def new_report(self) -> None:
        """Begin another report."""
        self._guesses = 0

    def find(self, line: str, place: Place) -> Heading | None:
        """Look for a heading at the start of a piece of text.

        Args:
            line: A line, or what follows the end of a sentence in it.
            place: Whether it starts a paragraph, a line, or stands inside one.
        """
        if place != "inside" and (aside := self._aside.fullmatch(line)):
            return Heading(self._aside_of[normal(aside["name"])], aside["rest"])
        if match := _BEFORE_COLON.fullmatch(line):
            section = self._before_colon(match["name"], place, marked=match.start("name") > 0)
            return Heading(section, match["rest"]) if section else None
        if place == "inside":
            return None
        if match := _ALONE.fullmatch(line):
            section = self._known_or_misspelt(match["name"])
            return Heading(section, "") if section else None
        if match := _BEFORE_DASH.fullmatch(line):
            section = self._known_or_misspelt(match["name"])
            if section:
                return Heading(section, match["rest"])
        return self._before_sentence(line)

    def is_structure(self, line: str) -> bool:
        """Tell whether a line begins with a heading that people put inside their findings."""
        match = _BEFORE_COLON.fullmatch(line)
        return match is not None and self._names_structure(normal(match["name"]))

    def speaks_of_quality(self, rest: str) -> bool:
        """Tell whether the sentence behind "STUDY:" says how good the study is, not what it is."""
        sentence = without_accents(rest.lower()).partition(". ")[0]
        return rest[:1].islower() or not self._quality.isdisjoint(_WORD.findall(sentence))

    def is_nothing(self, text: str) -> bool:
        """Tell whether a section only says that there is nothing in it."""
        return normal(text[:100]) in self._nothing

    def _before_colon(self, written: str, place: Place, marked: bool) -> str:
        name, capitals = normal(written), written == written.upper()
        if place == "inside":
            known = self._section_of.get(name, "") if capitals else ""
            guess = capitals and not known and not self._names_structure(name)
            return self._misspelt(name, 2) if guess else known
        known = self._known.get(name) or next((s for p, s in self._patterns if p.fullmatch(name)), "")
        if known:
            return known
        words = [word for word in _WORD.findall(name) if word.isalpha() or "-" in word or "." in word]
        examined = not self._nouns.isdisjoint(words)
        if examined and self._views.issuperset(words):
            return self._examined
        if self._names_structure(name):
            return ""
        found = self._misspelt(name, 2 if capitals else 1) if written[0].isupper() else ""
        if found or place != "paragraph" or marked:
            return found
        if not _UNKNOWN.fullmatch(written) or not self._sentence_words.isdisjoint(words):
            return ""
        return self._examined if examined and self._never.isdisjoint(words) else OTHER

    def _before_sentence(self, line: str) -> Heading | None:
        match = _BEFORE_SENTENCE.fullmatch(line)
        if match is None or line == line.upper():
            return None
        words = match["name"].split(" ")
        for count in range(len(words), 0, -1):
            name = normal(" ".join(words[:count]))
            section = self._known.get(name) or (self._misspelt(name, 2) if len(name) >= 8 else "")
            if section and len(name) >= 6 and not self._names_structure(name):
                return Heading(section, " ".join([*words[count:], match["rest"]]))
        return None

    def _known_or_misspelt(self, written: str) -> str:
        name = normal(written)
        return self._known.get(name) or ("" if self._names_structure(name) else self._misspelt(name, 2))

    def _names_structure(self, name: str) -> bool:
        return not self._structures.isdisjoint(_WORD.findall(name.replace("/", " ")))

    def _misspelt(self, name: str, max_distance: int) -> str:
        """Return the section of a known heading that is a few letters away, or empty."""
        if len(name) < 5 or len(name) > 40 or self._guesses == MOST_GUESSES:
            return ""
        self._guesses += 1
        best, found = max_distance + 1, ""
        for known, section in self._known.items():
            # two letters wrong, the first among them, make "MEDICATIONS" of "INDICATIONS"
            allowed = min(best - 1, 2 if len(known) >= 8 and known[0] == name[0] else 1)
            if len(known) < (6 if max_distance > 1 else 8) or not allowed:
                continue
            distance = within(name, known, allowed)
            if distance is not None:
                best, found = distance, section
        return found


def normal(name: str) -> str:
    """Return a heading as it is compared: small letters without accents, "&" as "and", no marks around."""
    return " ".join(
        without_accents(name.lower()).replace("&", " and ").replace("#", " ").strip(" .:;*").split()
    )


def _by_name(sections: Mapping[str, Iterable[str]]) -> dict[str, str]:
    return {normal(name): section for section, names in sections.items() for name in names}


class _Examinations(BaseModel, extra="forbid", strict=True):
    section: str
    nouns: list[str]
    words: list[str]
    never: list[str]


class _Rules(BaseModel, extra="forbid", strict=True):
    """What a rule file holds; the shipped one says what each key means."""

    sections: dict[str, list[str]]
    patterns: dict[str, list[str]]
    one_paragraph: list[str]
    aside: dict[str, list[str]]
    final: list[str]
    examinations: _Examinations = _Examinations(section="", nouns=[], words=[], never=[])
    structures: list[str] = []
    quality: list[str] = []
    sentence_words: list[str] = []
    nothing: list[str] = []


@cache
def _read(rules: str) -> _Rules:
    place = files("coherent_cxr.corpora.sections") / "section_rules" / f"{rules}.yml"
    try:
        with as_file(place) as shipped:
            data = _Rules.model_validate(read_mapping(shipped if place.is_file() else Path(rules)))
    except YamlFileError as error:
        raise SectionRuleError(f"The section rules '{rules}' {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where, reason = ".".join(map(str, first["loc"])), first["msg"]
        known = ", ".join(_Rules.model_fields)
        raise SectionRuleError(
            f"The section rules '{rules}' are wrong at '{where}' ({reason[:1].lower()}{reason[1:]}); their "
            f"keys are {known}, and YAML reads a bare no or on as something else than text."
        ) from error
    for pattern in (pattern for patterns in data.patterns.values() for pattern in patterns):
        try:
            re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise SectionRuleError(
                f"The section rules '{rules}' hold the pattern {quote(pattern)}, which is no regular "
                f"expression ({error})."
            ) from error
    return data
