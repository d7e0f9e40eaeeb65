"""The report of a study as one row of a table."""

from __future__ import annotations

import json
from typing import Any

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.observations import LiveMapping
from coherent_cxr.images.reading.notes import Level
from coherent_cxr.serving.report import NOTICE
from coherent_cxr.serving.study.study import Refusal
from coherent_cxr.serving.study_report import StudyReport

PROBABILITY, CALLED = "probability of ", "called "
_FIRST: dict[str, type] = {
    "study_id": str,
    "report": str,
    "warnings": str,
    "uncertain": str,
}
_LAST: dict[str, type] = {
    "sentences": str,
    "notes": str,
    "images": str,
    "nearest_studies": str,
    "label_rules": str,
    "taught_by_rules": str,
    "system": str,
    "operating_point": str,
    "model": str,
    "model_version": str,
    "model_digest": str,
    "created": str,
    "notice": str,
}
EXCLUSIONS: dict[str, type] = {"id": str, "reason": str, "detail": str}


COLUMNS = LiveMapping(
    lambda: {
        **_FIRST,
        **dict.fromkeys(OBSERVATIONS, int),
        **{f"{PROBABILITY}{name}": float for name in OBSERVATIONS},
        **{f"{CALLED}{name}": int for name in OBSERVATIONS},
        **_LAST,
    }
)
"""Names and types. Labels: 1 positive, 0 negative, -1 uncertain, missing where the text says nothing.
JSON stands in ``sentences`` (with finding and probability), ``notes``, ``images`` and ``nearest_studies``."""


def row_of(told: StudyReport) -> dict[str, Any]:
    """Return the values of the columns."""
    report, shown = told.report, told.as_dict()
    called, probabilities = report.findings or {}, report.probabilities or {}
    sentences = [
        {"sentence": sentence, **behind._asdict()}
        for sentence, behind in zip(report.sentences, report.sentence_findings, strict=True)
    ]
    return {
        "study_id": told.study_id,
        "report": report.text,
        "warnings": " ".join(note.detail for note in report.notes if note.level == Level.WARNING),
        "uncertain": ", ".join(told.uncertain),
        **report.labels,
        **{f"{PROBABILITY}{name}": probabilities.get(name) for name in OBSERVATIONS},
        **{f"{CALLED}{name}": int(called[name]) if name in called else None for name in OBSERVATIONS},
        "sentences": _json(sentences),
        **{name: _json(shown[name]) for name in ("notes", "images", "nearest_studies")},
        "label_rules": report.label_rules,
        "taught_by_rules": report.taught_by_rules,
        "system": report.system,
        "operating_point": report.operating_point,
        "model": told.model.name,
        "model_version": told.model.version,
        "model_digest": told.model.digest,
        "created": told.created,
        "notice": NOTICE,
    }


def exclusion_of(refusal: Refusal) -> dict[str, Any]:
    """Return a row of the table of what got no report."""
    return {"id": refusal.study_id, "reason": refusal.reason, "detail": refusal.message}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
