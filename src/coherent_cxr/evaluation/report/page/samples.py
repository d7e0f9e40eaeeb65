"""Studies as the page shows them: image, reference, and what each system generated (the paper's Table 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.evaluation.report.page.highlights import Stretch, highlight


class GeneratedText(NamedTuple):
    """One report beside the reference.

    Attributes:
        systems: The systems that generated it.
        text: The report, coloured by mention.
        found: Positive observations of the reference that the report has too.
        missed: Positive observations of the reference that the report lacks.
        invented: Positive observations of the report that the reference lacks.
    """

    systems: list[str]
    text: list[Stretch]
    found: list[str]
    missed: list[str]
    invented: list[str]


class Sample(NamedTuple):
    """A study: its image ("" for none), reference with its positive observations, and the reports."""

    study_id: str
    image: str
    reference: list[Stretch]
    positives: list[str]
    generated: list[GeneratedText]


def sample(
    labeler: CheXpertLabeler,
    study_id: str,
    image: str,
    reference: str,
    reports: Mapping[str, str],
) -> Sample:
    """Bring one study into the form of the page.

    Args:
        labeler: Finds labels and mentions.
        study_id: The study.
        image: Its image as a data address.
        reference: Reference findings.
        reports: Report by system.
    """
    expected = _positives(labeler, reference)
    generated = []
    for report in dict.fromkeys(reports.values()):
        systems = [system for system, own in reports.items() if own == report]
        affirmed = _positives(labeler, report)
        found, missed, invented = (
            _sorted(s) for s in (expected & affirmed, expected - affirmed, affirmed - expected)
        )
        generated.append(GeneratedText(systems, highlight(labeler, report), found, missed, invented))
    return Sample(study_id, image, highlight(labeler, reference), _sorted(expected), generated)


def _positives(labeler: CheXpertLabeler, text: str) -> set[str]:
    return {name for name, label in labeler.label(text).items() if label == 1}


def _sorted(names: set[str]) -> list[str]:
    return [name for name in OBSERVATIONS if name in names]
