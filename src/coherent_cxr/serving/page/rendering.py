"""Fragments of the page, filled from a report; every text is escaped."""

from __future__ import annotations

from coherent_cxr.chexpert.shown import shown_labeler
from coherent_cxr.images.reading.notes import Level
from coherent_cxr.pages import rendering
from coherent_cxr.serving.page.findings import finding_rows
from coherent_cxr.serving.page.operating_points import OperatingPoint
from coherent_cxr.serving.page.sentences import shown_sentences
from coherent_cxr.serving.study_report import StudyImage, StudyReport

PACKAGE = "coherent_cxr.serving.page"
KNOWN_BY = {
    "given": "as it was said to be",
    "tags": "by its tags",
    "classifier": "by the classifier of views",
    "assumed": "which is assumed",
}


def report_html(study: StudyReport) -> str:
    """Return warnings first, then the sentences with their mentions, then the other notes."""
    report = study.report
    return rendering.render(
        PACKAGE,
        "report.html",
        warnings=[note for note in study.notes if note.level == Level.WARNING],
        information=[note for note in study.notes if note.level != Level.WARNING],
        left_out=[image for image in study.images if image.left_out],
        text=report.text,
        sentences=shown_sentences(report, shown_labeler().explain(report.text)),
        label_rules=report.label_rules,
        nearest=study.nearest,
    )


def findings_html(study: StudyReport, point: OperatingPoint | None) -> str:
    """Return the findings with their probabilities.

    Args:
        study: The report.
        point: The operating point that decided; None if the generator did.
    """
    return rendering.render(
        PACKAGE,
        "findings.html",
        rows=finding_rows(study, point.thresholds if point else {}),
        has_probabilities=study.report.probabilities is not None,
        decided=point is not None,
        decided_by=f"decided by the operating point {point.name}" if point else "decided by the generator",
    )


def image_caption(image: StudyImage) -> str:
    """Return what stands under an image: its name, its view and how that is known, and whether it is read."""
    left_out = f" Left out of the text: {image.left_out}" if image.left_out else ""
    return f"{image.name}: {image.view} view, {KNOWN_BY[image.view_from]}.{left_out}"
