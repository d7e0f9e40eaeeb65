"""A study's report as plain text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING

from coherent_cxr.chexpert.observations import STATUS_NAMES
from coherent_cxr.images.reading.notes import Level
from coherent_cxr.inputs.names import printable
from coherent_cxr.serving.outputs.characters import storable
from coherent_cxr.serving.outputs.findings import Finding, findings_of
from coherent_cxr.serving.report import NOTICE

if TYPE_CHECKING:
    from coherent_cxr.serving.study_report import StudyReport

LONGEST_NOTE = 500


def as_json(report: StudyReport) -> str:
    """Return the report as one JSON object, ended by a line end."""
    return json.dumps(report.as_dict(), indent=2) + "\n"


def as_text(report: StudyReport) -> str:
    """Return the report as a person reads it: its sections, then what lets somebody check them."""
    images = [
        f"  {printable(image.name)}: {image.view}, view {image.view_from}"
        + (f". Left out: {printable(image.left_out, LONGEST_NOTE)}" if image.left_out else "")
        for image in report.images
    ]
    lines = [NOTICE, "", f"Study {printable(report.study_id)}", *images, ""]
    for name, text in (report.report.sections or {"findings": ""}).items():
        lines += [name.upper(), "", storable(text), ""]
    lines += [*checks(report), "", origin(report)]
    return "\n".join(lines) + "\n"


def paragraphs(report: StudyReport) -> list[str]:
    """Return the text by section, each with its name where the model writes more than findings."""
    own = report.report
    if own.target == "findings":
        return [storable(own.text)]
    return [f"{name.capitalize()}: {storable(text)}" for name, text in own.sections.items()]


def checks(report: StudyReport, names: bool = True) -> Iterator[str]:
    """Yield lines on how sure the model is: warnings, findings, abstention.

    Args:
        report: Of the study.
        names: Whether notes may name study and files, whose names may be a patient's.
    """
    for note in report.notes:
        kind = "Warning" if note.level == Level.WARNING else "Note"
        detail = note.detail if names else _nameless(note.detail, report)
        yield f"{kind}: {printable(detail, LONGEST_NOTE)}"
    for finding in findings_of(report):
        yield f"{finding.name}: {'; '.join(_said(finding))}."
    if report.uncertain:
        yield f"The model abstains on: {', '.join(report.uncertain)}."
    if report.report.operating_point is not None:
        yield f"The operating point {printable(report.report.operating_point)} decided what is affirmed."
    yield f"Labels of the text by rule set {printable(report.report.label_rules)}."


def origin(report: StudyReport) -> str:
    """Return who wrote the report and when, in a sentence."""
    version = f", version {printable(report.model.version)}" if report.model.version else ""
    return (
        f"Generated {printable(report.created)} by the model {model_name(report)}{version} "
        f"(SHA-256 {printable(report.model.digest)})."
    )


def model_name(report: StudyReport) -> str:
    """Return the model's name; of a folder only its last part, as paths may name people."""
    return shown_name(report.model.name)


def shown_name(name: str) -> str:
    """Return the name of a model as people see it: of a folder its last part."""
    return printable(name if name.startswith("models:/") else name.rstrip("/").rpartition("/")[2] or "model")


def _nameless(text: str, report: StudyReport) -> str:
    names = {f"image {place}": image.name for place, image in enumerate(report.images, start=1)}
    hidden = {**names, **{place: PurePath(name).name for place, name in names.items()}}
    shown = {name: place for place, name in (*hidden.items(), *names.items(), ("the study", report.study_id))}
    for name in sorted(filter(None, shown), key=len, reverse=True):
        text = text.replace(name, shown[name])
    return text


def _said(finding: Finding) -> Iterator[str]:
    if finding.label is not None:
        yield f"{STATUS_NAMES[finding.label]} in the text"
    if finding.called is not None:
        yield "called" if finding.called else "not called"
    if finding.probability is not None:
        yield f"probability {finding.probability:.2f}"
    if finding.abstained:
        yield "undetermined"
