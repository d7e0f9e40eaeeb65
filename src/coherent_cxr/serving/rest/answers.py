"""The forms in which a report can be had, by the media type that a client accepts."""

from __future__ import annotations

import json
from collections.abc import Callable

from fastapi import Response

from coherent_cxr.serving.outputs.formats import FORMATS
from coherent_cxr.serving.rest.requests.refusals import RefusedError
from coherent_cxr.serving.study_report import StudyReport

JSON, FHIR, DICOM = "application/json", "application/fhir+json", "application/dicom"
MOST_RANGES = 50


def _as_json(report: StudyReport) -> bytes:
    return json.dumps(report.as_dict(), ensure_ascii=False).encode()


FORMS: dict[str, Callable[[StudyReport], bytes]] = {
    JSON: _as_json,
    FHIR: lambda report: FORMATS["fhir"].write(report, None),
    DICOM: lambda report: FORMATS["dicom-sr"].write(report, None),
}
"""What makes the body of each form; the first is sent to those who accept any."""


def form_for(accept: str) -> str:
    """Return the media type to answer with.

    Args:
        accept: The request's header ``Accept``; empty accepts any.

    Raises:
        RefusedError: If it accepts none that there is: status 406.
    """
    wanted: dict[str, float] = {}
    for part in accept.split(",")[:MOST_RANGES]:
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if kind:
            wanted[kind] = _quality(parameters)
    if not wanted:
        return next(iter(FORMS))
    rated = {form: _rated(form, wanted) for form in FORMS}
    best = max(FORMS, key=lambda form: rated[form])
    if rated[best] <= 0:
        raise RefusedError(
            406,
            "wrong_accept",
            f"A report can be had as {', '.join(FORMS)}; the request accepts none of them.",
        )
    return best


def answer(report: StudyReport, form: str) -> Response:
    """Return the report in a form."""
    return Response(FORMS[form](report), media_type=form, headers={"Cache-Control": "no-store"})


def _rated(form: str, wanted: dict[str, float]) -> float:
    family = f"{form.partition('/')[0]}/*"
    return next((wanted[kind] for kind in (form, family, "*/*") if kind in wanted), 0.0)


def _quality(parameters: list[str]) -> float:
    given = next((text[2:] for text in parameters if text.startswith("q=")), "1")
    try:
        return min(1.0, max(0.0, float(given)))
    except ValueError:
        return 0.0
