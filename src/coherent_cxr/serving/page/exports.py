"""A report as a file to take away."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

from coherent_cxr.serving.generator import NOTICE
from coherent_cxr.serving.study_report import StudyReport


class ExportForm(NamedTuple):
    """One form of a report.

    Attributes:
        label: What the page calls it.
        ending: Of the file's name.
        media_type: Of the file.
        make: Makes its bytes.
    """

    label: str
    ending: str
    media_type: str
    make: Callable[[StudyReport], bytes]


def as_json(study: StudyReport) -> bytes:
    """Return all that is shown of a report, as the REST API does."""
    return json.dumps(study.as_dict(), ensure_ascii=False, indent=2).encode()


def as_text(study: StudyReport) -> bytes:
    """Return warnings, report and notice as plain text."""
    warnings = [f"Warning: {note.detail}" for note in study.notes if note.level == "warning"]
    point = study.report.operating_point
    decided = f"operating point {point}" if point else "decided by the generator"
    model = f"{study.model.name}, {decided}, {study.created}"
    return "\n\n".join([*warnings, study.report.text, f"{model}\n{NOTICE}\n"]).encode()


FORMS = (
    ExportForm("JSON", "json", "application/json", as_json),
    ExportForm("Text", "txt", "text/plain; charset=utf-8", as_text),
)
"""In the order in which the page offers them."""
