"""Sections of free-text reports; which headings open which section is data (``section_rules/*.yml``)."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from coherent_cxr.inputs.layout import join_wrapped_lines

BODY = "body"
KEYS = {"sections", "patterns", "one_paragraph", "aside", "final"}
_HEADING = re.compile(r"(?:\d{1,2}[.)]\s*)?(?P<name>[A-Za-z][A-Za-z0-9 ,/&()'.-]{0,80}?)\s*[:;](?P<rest>.*)")
_ALONE = re.compile(r"(?:\d{1,2}[.)]\s*)?(?P<name>[A-Z][A-Z ,/&()-]{2,80})[.:;]?")
_RULE = re.compile(r"[_=*-]{5,}")


class SectionRuleError(ValueError):
    """A rule file that cannot be used; the message names the file and what is wrong."""


class Sectioner:
    """Splits reports into sections by the headings of one rule file.

    Args:
        rules: Path of a rule file, or the name of one that comes with the package.

    Raises:
        SectionRuleError: If the file is missing, is not YAML, or lacks a part.
    """

    def __init__(self, rules: str | Path = "mimic_cxr") -> None:
        data = _read(str(rules))
        self._section_of = {
            name: section for section, names in data["sections"].items() for name in map(_normal, names)
        }
        self._patterns = [
            (re.compile(pattern), section)
            for section, patterns in data["patterns"].items()
            for pattern in patterns
        ]
        self._aside_of = {name: kind for kind, names in data["aside"].items() for name in map(_normal, names)}
        asides = "|".join(sorted(map(re.escape, self._aside_of), key=len, reverse=True)) or "(?!)"
        self._aside = re.compile(rf"(?P<name>{asides.upper()})\b[\s:;.]*(?P<rest>.*)")
        self._final = set(map(_normal, data["final"]))
        self._one_paragraph = set(data["one_paragraph"])
        longest_first = sorted(self._section_of, key=len, reverse=True)
        inside = "|".join(re.escape(name.upper()).replace(r"\ ", r"\s+") for name in longest_first)
        self._inside = re.compile(rf"(?:(?<=[^\d][.?!_]\s)|(?<=\s\s))(?=(?:{inside})\s*:)")

    def split(self, text: str) -> dict[str, str]:
        """Split one report.

        Args:
            text: The report as published.

        Returns:
            Text by section, wrapped lines joined by single spaces; an empty line stands between paragraphs and
            wherever the layout ends a sentence; sections without text are absent. "body" is what stands under no heading, "wet_read" and "addendum" what is no part of the
            final report.
        """
        parts: dict[str, list[str]] = {}
        section, aside, new_paragraph = BODY, "", True
        for line in text.splitlines():
            stripped = _RULE.sub(" ", line).strip()
            if not stripped:
                new_paragraph = True
                if not aside and section in self._one_paragraph and parts.get(section):
                    section = BODY
                continue
            for piece in self._inside.split(stripped):
                heading, rest = self._heading(piece)
                if heading == "final":
                    section, aside = BODY, ""
                elif heading in self._aside_of.values():
                    aside = heading
                elif heading and not aside:
                    section = heading
                else:
                    rest = piece
                if rest.strip():
                    _add(parts.setdefault(aside or section, []), rest.strip(), new_paragraph)
                    new_paragraph = False
        return {name: join_wrapped_lines("\n".join(lines)) for name, lines in parts.items()}

    def _heading(self, piece: str) -> tuple[str, str]:
        """Return the section that a line opens (empty if none) and what stands behind the heading."""
        if aside := self._aside.fullmatch(piece):
            return self._aside_of[_normal(aside["name"])], aside["rest"]
        for match in (_HEADING.fullmatch(piece), _ALONE.fullmatch(piece)):
            if match is None:
                continue
            name, rest = _normal(match["name"]), match.groupdict().get("rest") or ""
            if name in self._final:
                return "final", rest
            known = self._aside_of.get(name) or self._section_of.get(name)
            if known is None and match.re is _HEADING:
                known = next((section for regex, section in self._patterns if regex.fullmatch(name)), None)
            if known is not None:
                return known, rest
        return "", piece


def findings_of(parts: dict[str, str]) -> tuple[str | None, str]:
    """Choose what counts as the findings of a report.

    Args:
        parts: Text by section.

    Returns:
        The text, or None, and where it came from: "findings", "findings_and_impression", "body" or "".
    """
    source = next((name for name in ("findings", "findings_and_impression", BODY) if parts.get(name)), "")
    return parts.get(source), source


def _add(lines: list[str], text: str, new_paragraph: bool) -> None:
    lines += ["", text] if new_paragraph and lines else [text]


def _normal(name: str) -> str:
    return " ".join(name.lower().replace("&", " and ").replace("#", " ").strip(" .:;").split())


@cache
def _read(rules: str) -> dict[str, Any]:
    place = files("coherent_cxr.corpora") / "section_rules" / f"{rules}.yml"
    try:
        text = place.read_text("utf-8") if place.is_file() else Path(rules).read_text("utf-8")
        data = yaml.safe_load(text)
    except (OSError, yaml.YAMLError) as error:
        raise SectionRuleError(f"The section rules '{rules}' cannot be read ({error}).") from error
    if not isinstance(data, dict) or set(data) != KEYS:
        raise SectionRuleError(
            f"The section rules '{rules}' need exactly the keys {', '.join(sorted(KEYS))}."
        )
    for pattern in (pattern for patterns in data["patterns"].values() for pattern in patterns):
        try:
            re.compile(pattern)
        except re.error as error:
            raise SectionRuleError(
                f"The section rules '{rules}' hold the pattern {pattern!r}, which is no regular expression "
                f"({error})."
            ) from error
    return data
