"""The forms of a report by name: what ``--format`` takes and what the service answers with."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from coherent_cxr.serving.outputs.fhir import fhir
from coherent_cxr.serving.outputs.identification import Identification
from coherent_cxr.serving.outputs.measurements_sr import measurements_sr
from coherent_cxr.serving.outputs.readable import as_json, as_text
from coherent_cxr.serving.outputs.text_sr import text_sr

if TYPE_CHECKING:
    from coherent_cxr.serving.study_report import StudyReport


class Format(NamedTuple):
    """A form of a report: one document for each study.

    Attributes:
        media_type: As in HTTP.
        suffix: Of a file that holds it.
        write: Makes its bytes; the identification is None unless somebody asked for the patient.
        identifies: Whether an identification changes anything.
    """

    media_type: str
    suffix: str
    write: Callable[[StudyReport, Identification | None], bytes]
    identifies: bool = False


FORMATS = {
    "text": Format("text/plain; charset=utf-8", ".txt", lambda report, who: as_text(report).encode()),
    "json": Format("application/json", ".json", lambda report, who: as_json(report).encode()),
    "dicom-sr": Format("application/dicom", ".dcm", text_sr, True),
    "dicom-sr-measurements": Format("application/dicom", ".dcm", measurements_sr, True),
    "fhir": Format(
        "application/fhir+json", ".fhir.json", lambda report, who: _json_line(fhir(report, who)), True
    ),
}
"""By the name that people type. ReXrank's is one document for many studies and stands apart."""


def _json_line(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False) + "\n").encode()
