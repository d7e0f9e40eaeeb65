"""Sections of free-text reports, with the layout of their lines."""

from __future__ import annotations

import re
from pathlib import Path

from coherent_cxr.corpora.sections.headings import FINAL, OTHER, Headings, Place, SectionRuleError
from coherent_cxr.inputs.tables.null_words import is_null
from coherent_cxr.inputs.text.wrapping import is_open

__all__ = ["BODY", "SectionRuleError", "Sectioner", "findings_of"]

BODY = "body"
FINDINGS = ("findings", "findings_and_impression")
LEARNT = {*FINDINGS, "impression", BODY}
QUALIFIED = {"examination", "technique"}
"""Sections whose headings also begin sentences about how good an image is."""

_RULE = re.compile(r"[_=*-]{5,}")
_INSIDE = re.compile(r"(?:(?<=[^\d][.?!_]\s)|(?<=\s\s))(?=[A-ZÀ-ÖØ-Þ][A-ZÀ-ÖØ-Þ &/,()'.-]{2,60}:)")
BLANK, LINE, PARAGRAPH = " ", "\n", "\n\n"


class Sectioner:
    """Splits reports into sections by the headings of one rule file.

    Args:
        rules: Path of a rule file, or the name of one that comes with the package.

    Raises:
        SectionRuleError: If the file is missing, is not YAML, or lacks a part.
    """

    def __init__(self, rules: str | Path = "mimic_cxr") -> None:
        self._headings = Headings(rules)

    def split(self, text: str) -> dict[str, str]:
        """Split one report.

        Args:
            text: The report as published.

        Returns:
            Text by section, line by line, with an empty line between paragraphs and single blanks between
            words; sections without text are absent, and so are findings and an impression that only say so
            ("None.", "See impression."). "body" is what stands under no heading, "other" under one in
            capitals that nobody knows, "wet_read" and "addendum" what is no part of the final report.
        """
        self._headings.new_report()
        report = _Report(self._headings)
        for line in text.splitlines():
            stripped = _RULE.sub(" ", line).strip()
            if not stripped:
                report.end_paragraph()
                continue
            pieces = _INSIDE.split(stripped)
            report.add(pieces[0].strip(), "paragraph" if report.new_paragraph else "line")
            for piece in pieces[1:]:
                report.add(piece.strip(), "inside")
            report.end_line()
        parts = {name: "".join(pieces) for name, pieces in report.pieces.items()}
        return {name: part for name, part in parts.items() if not self._is_nothing(name, part)}

    def _is_nothing(self, name: str, text: str) -> bool:
        return name in LEARNT and (is_null(text) or self._headings.is_nothing(text))


def findings_of(parts: dict[str, str]) -> tuple[str | None, str]:
    """Choose what counts as the findings of a report.

    Args:
        parts: Text by section.

    Returns:
        The text, or None, and where it came from: "findings", "findings_and_impression", "body" or "".
    """
    source = next((name for name in (*FINDINGS, BODY) if not is_null(parts.get(name))), "")
    return parts.get(source), source


class _Report:
    """One report while it is read.

    Attributes:
        pieces: Text by section so far, with what stands between its pieces.
        new_paragraph: Whether the next line starts one.
    """

    def __init__(self, headings: Headings) -> None:
        self.pieces: dict[str, list[str]] = {}
        self.new_paragraph = True
        self._joint = PARAGRAPH
        self._headings = headings
        self._section, self._aside, self._interrupted, self._empty = BODY, "", BODY, True
        self._last = ""

    def end_line(self) -> None:
        self._joint = PARAGRAPH if self._empty else LINE
        self.new_paragraph = False

    def end_paragraph(self) -> None:
        self._joint = PARAGRAPH
        self.new_paragraph = True
        if not self._aside and self._section in self._headings.one_paragraph and not self._empty:
            self._section = self._interrupted

    def add(self, piece: str, place: Place) -> None:
        """Add a piece of a line to the section it belongs to; a heading at its start opens another."""
        wrapped = place == "line" and piece[:1].islower() and is_open(self._last)
        found = None if wrapped else self._headings.find(piece, place)
        self._last = piece
        if found and self._opens(found.section, found.rest):
            self._last = piece = found.rest.strip()
            self._joint, self._empty = PARAGRAPH, True
        elif self._ends_before(piece, place):
            self._section, self._joint = self._interrupted, PARAGRAPH
        if piece:
            before = self.pieces.setdefault(self._aside or self._section, [])
            before += [self._joint] * bool(before) + [" ".join(piece.split())]
            self._joint, self._empty = BLANK, False

    def _ends_before(self, piece: str, place: Place) -> bool:
        """Tell whether findings begin without their heading, or go on behind what interrupts them."""
        short = self._section == OTHER or self._section in self._headings.one_paragraph
        return short and not self._aside and place != "inside" and self._headings.is_structure(piece)

    def _opens(self, section: str, rest: str) -> bool:
        """Open a section, unless what looks like its heading is text where it stands."""
        if section == FINAL:
            self._section, self._aside, self._interrupted = BODY, "", BODY
            return True
        if section in self._headings.asides:
            self._aside = section
            return True
        if self._aside:
            return False
        in_findings = self._section in FINDINGS
        if in_findings and section in QUALIFIED and self._headings.speaks_of_quality(rest):
            return False
        if in_findings and section == OTHER and self._empty:
            return False  # the findings' own first heading
        if section == OTHER or section in self._headings.one_paragraph:
            self._interrupted = self._section if in_findings else self._interrupted
        else:
            self._interrupted = BODY
        self._section = section
        return True
