"""What OpenAPI shows of `/v1/reports`: the forms of requests and answers, with an example of each."""

from __future__ import annotations

from typing import Any

from coherent_cxr.serving.generator import NOTICE
from coherent_cxr.serving.rest.answers import MEDIA_TYPES, OFFERED
from coherent_cxr.serving.rest.requests.refusals import refusal

JSON = MEDIA_TYPES["json"]
VIEW = {"type": "string", "enum": ["frontal", "lateral", "unknown"]}
STUDY_ID = {"type": "string", "maxLength": 64, "description": "Comes back in the report."}
POINT = {
    "type": "string",
    "description": "Whose thresholds decide what is affirmed, as balanced; none lets the generator.",
}
IMAGE = {
    "type": "object",
    "required": ["image"],
    "properties": {
        "image": {"type": "string", "format": "byte", "description": "A DICOM, PNG or JPEG file in base64."},
        "view": VIEW,
    },
}
DAYS = {"type": "number", "description": "How many days before the study before was made."}
PRIOR_REPORT = {"type": "string", "description": "What the findings of the study before say."}
AS_JSON = {
    "type": "object",
    "required": ["images"],
    "properties": {
        "images": {"type": "array", "items": IMAGE},
        "study_id": STUDY_ID,
        "operating_point": POINT,
        "prior_images": {"type": "array", "items": IMAGE},
        "days_since_prior": DAYS,
        "prior_report": PRIOR_REPORT,
    },
    "example": {"study_id": "S1", "images": [{"image": "iVBORw0KGgo…", "view": "frontal"}]},
}
AS_FILES = {
    "type": "object",
    "required": ["files"],
    "properties": {
        "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
        "views": {"type": "array", "items": VIEW, "description": "One for each file, or none."},
        "study_id": STUDY_ID,
        "operating_point": POINT,
        "prior_files": {"type": "array", "items": {"type": "string", "format": "binary"}},
        "days_since_prior": DAYS,
        "prior_report": PRIOR_REPORT,
    },
}
EXAMPLE = {
    "study_id": "S1",
    "report": "The heart is enlarged. No pleural effusion.",
    "sentences": ["The heart is enlarged.", "No pleural effusion."],
    "sentence_findings": [
        {"finding": "Cardiomegaly", "probability": 0.91},
        {"finding": None, "probability": None},
    ],
    "labels": {"Cardiomegaly": 1, "Pleural Effusion": 0},
    "label_rules": "corrected",
    "probabilities": {"Cardiomegaly": 0.91, "Pleural Effusion": 0.04},
    "uncertain": [],
    "notes": [],
    "images": [
        {
            "name": "The image at position 1",
            "view": "frontal",
            "view_from": "given",
            "left_out": None,
            "dicom": None,
        }
    ],
    "model": {"name": "models:/coherent-cxr@champion", "version": "1", "digest": "6f1c…"},
    "created": "2026-11-28T12:00:00+00:00",
    "notice": NOTICE,
}
REFUSALS = {
    400: ("no_json", "The request is no JSON that can be read."),
    401: ("wrong_token", "Send the service's token: …"),
    406: ("wrong_accept", "A report can be had as …; the request accepts none of them."),
    408: ("too_slow", "The request did not arrive within 60 s."),
    413: ("image_too_large", "The image at position 1 has more than 80,000,000 pixels; …"),
    415: ("unknown_format", "The image at position 1 is neither a PNG, a JPEG nor a DICOM image."),
    422: ("constant_image", "The image at position 1 shows nothing: …"),
    429: ("busy", "All 64 places for requests are taken. Send the request again in a moment."),
    503: ("no_time", "There was no report within 120 s. Send the request again."),
}


FORMAT = {
    "name": "format",
    "in": "query",
    "description": "Form of the answer; by default what the header Accept asks for.",
    "schema": {"type": "string", "enum": list(OFFERED)},
}


def _refusal(reason: str, message: str) -> dict[str, Any]:
    return {"description": message, "content": {JSON: {"example": refusal(reason, message)}}}


REPORT: dict[str, Any] = {
    "openapi_extra": {
        "parameters": [FORMAT],
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": AS_FILES}, JSON: {"schema": AS_JSON}},
        },
    },
    "responses": {
        200: {
            "description": "The report.",
            "content": {**{kind: {} for kind in MEDIA_TYPES.values()}, JSON: {"example": EXAMPLE}},
        },
        **{status: _refusal(*told) for status, told in REFUSALS.items()},
    },
}
"""What the decorator of the route takes."""
