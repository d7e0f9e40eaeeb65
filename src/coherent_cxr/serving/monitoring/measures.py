"""What the log keeps of a report: numbers, nothing that names a patient and no text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.observations import Live, LiveMapping
from coherent_cxr.images.reading.notes import Level
from coherent_cxr.serving.outputs.findings import findings_of

if TYPE_CHECKING:
    from coherent_cxr.serving.study_report import StudyReport

MEASURES = {
    "brightness": "mean grey level",
    "contrast": "standard deviation of grey levels",
    "dark": "5th percentile of grey levels",
    "bright": "95th percentile of grey levels",
    "distance": "distance from the training images (1 is the limit)",
    "words": "words in a report",
    "sentences": "sentences in a report",
    "seconds": "seconds for a report",
}
"""Numbers of a report, with their names on the page."""
RATES = {
    "abstained": "reports that abstain on a finding",
    "warned": "reports with a warning",
}
"""Shares of reports, with their names on the page."""
FINDINGS = LiveMapping(lambda: {f"finding_{place}": name for place, name in enumerate(OBSERVATIONS)})
"""Columns of the findings: 1 present, 0 absent, -1 undetermined, empty where nothing was decided."""
COLUMNS = Live(lambda: (*MEASURES, *RATES, *FINDINGS))
_CODES = {"present": 1, "absent": 0, "undetermined": -1, None: None}


def measured(report: StudyReport, seconds: float | None = None) -> dict[str, float | None]:
    """Return what is kept of a report, by column.

    Args:
        report: Of a study.
        seconds: How long it took.
    """
    own, pixels = report.report, report.report.image
    decided = {finding.name: _CODES[finding.decision] for finding in findings_of(report)}
    dark, bright = np.percentile(pixels, (5, 95))
    return {
        "brightness": float(pixels.mean()),
        "contrast": float(pixels.std()),
        "dark": float(dark),
        "bright": float(bright),
        "distance": own.distance,
        "words": float(len(own.text.split())),
        "sentences": float(len(own.sentences)),
        "seconds": seconds,
        "abstained": float(bool(report.uncertain)),
        "warned": float(any(note.level == Level.WARNING for note in report.notes)),
        **{column: decided.get(name) for column, name in FINDINGS.items()},
    }
