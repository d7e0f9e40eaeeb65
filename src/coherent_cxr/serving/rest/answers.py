"""The forms in which a report can be had, by name or by the media type that a client accepts."""

from __future__ import annotations

from fastapi import Response

from coherent_cxr.inputs.quoting import quote
from coherent_cxr.serving.outputs.formats import FORMATS
from coherent_cxr.serving.outputs.measurements_sr import NoFindingsError
from coherent_cxr.serving.rest.requests.refusals import RefusedError
from coherent_cxr.serving.study_report import StudyReport

MOST_RANGES = 50
OFFERED = ("json", "fhir", "dicom-sr", "text", "dicom-sr-measurements")
"""In this order: the first for those who accept any form, and of two forms of one media type."""
MEDIA_TYPES = {name: FORMATS[name].media_type.partition(";")[0] for name in OFFERED}


def form_for(accept: str, name: str | None = None) -> str:
    """Return the name of the form to answer with.

    Args:
        accept: The request's header ``Accept``; empty accepts any.
        name: The form that the request names, if it does; it comes before ``Accept``.

    Raises:
        RefusedError: If there is no such form (status 422), or none that it accepts (status 406).
    """
    if name is not None:
        if name not in OFFERED:
            raise RefusedError(
                422, "wrong_format", f"There is no form {quote(name, 40)}; choose {', '.join(OFFERED)}."
            )
        return name
    wanted: dict[str, float] = {}
    for part in accept.split(",")[:MOST_RANGES]:
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if kind:
            wanted[kind] = _quality(parameters)
    rated = {form: _rated(MEDIA_TYPES[form], wanted) if wanted else 1.0 for form in OFFERED}
    best = max(OFFERED, key=lambda form: rated[form])
    if rated[best] <= 0:
        kinds = ", ".join(dict.fromkeys(MEDIA_TYPES.values()))
        raise RefusedError(
            406, "wrong_accept", f"A report can be had as {kinds}; the request accepts none of them."
        )
    return best


def answer(report: StudyReport, form: str) -> Response:
    """Return the report in a form; nothing that identifies a patient is copied into it.

    Raises:
        RefusedError: If the report has nothing that this form could hold.
    """
    chosen = FORMATS[form]
    try:
        body = chosen.write(report, None)
    except NoFindingsError as error:
        raise RefusedError(422, "nothing_to_measure", str(error)) from None
    return Response(body, media_type=chosen.media_type, headers={"Cache-Control": "no-store"})


def _rated(kind: str, wanted: dict[str, float]) -> float:
    family = f"{kind.partition('/')[0]}/*"
    return next((wanted[accepted] for accepted in (kind, family, "*/*") if accepted in wanted), 0.0)


def _quality(parameters: list[str]) -> float:
    given = next((text[2:] for text in parameters if text.startswith("q=")), "1")
    try:
        return min(1.0, max(0.0, float(given)))
    except ValueError:
        return 0.0
