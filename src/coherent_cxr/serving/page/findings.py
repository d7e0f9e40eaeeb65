"""Finding by finding: probability, threshold, decision, and what the text says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.observations import NO_FINDING
from coherent_cxr.serving.study_report import StudyReport

IN_TEXT = {1: "affirmed", 0: "denied", -1: "uncertain", None: "not mentioned"}


class FindingRow(NamedTuple):
    """One finding.

    Attributes:
        name: The finding.
        probability: That the image shows it; None of a model without label classifier.
        threshold: At and above which it is called; None if it never is, or nobody decides.
        called: Whether it is; None if nobody decides.
        in_text: What the report says: affirmed, denied, uncertain or not mentioned.
        is_uncertain: Whether the probability lies where the model abstains.
        disagrees: Whether it is called but the text does not affirm it, or the other way round.
    """

    name: str
    probability: float | None
    threshold: float | None
    called: bool | None
    in_text: str
    is_uncertain: bool
    disagrees: bool


def finding_rows(study: StudyReport, thresholds: Mapping[str, float | None]) -> list[FindingRow]:
    """Return all findings, the most probable first, "No Finding" last.

    Args:
        study: The report.
        thresholds: Of the operating point that decided; empty if none did.
    """
    report = study.report
    probabilities, called = report.probabilities or {}, report.findings or {}
    rows = [
        FindingRow(
            name,
            probabilities.get(name),
            thresholds.get(name),
            called.get(name),
            IN_TEXT[report.labels.get(name)],
            name in study.uncertain,
            name in called and called[name] != (report.labels.get(name) == 1),
        )
        for name in OBSERVATIONS
    ]
    return sorted(rows, key=lambda row: (row.name == NO_FINDING, -(row.probability or 0)))
