"""The images of a request, as they arrived."""

from __future__ import annotations

from typing import Any, NamedTuple

from coherent_cxr.inputs.names import printable
from coherent_cxr.inputs.quoting import quote
from coherent_cxr.serving.requests import RequestError, image_bytes
from coherent_cxr.serving.rest.requests.refusals import RefusedError
from coherent_cxr.serving.rest.settings import ServiceSettings
from coherent_cxr.serving.study.study import days_since_prior
from coherent_cxr.serving.study_report import View

VIEWS: dict[str, View] = {"frontal": "frontal", "lateral": "lateral", "unknown": "unknown"}
FORM = '{"images": [{"image": "<a PNG, JPEG or DICOM file in base64>", "view": "frontal"}]}'
PRIOR = ("prior_images", "days_since_prior", "prior_report")
LONGEST_ID, LONGEST_REPORT = 64, 10_000
NO_POINT = "none"
"""In the place of an operating point: the generator decides alone."""


class Upload(NamedTuple):
    """One image file of a request.

    Attributes:
        name: What people call it: its position in the request.
        data: Bytes of the file.
        view: As given by the client; None if it was not.
    """

    name: str
    data: bytes
    view: View | None = None


class PriorUpload(NamedTuple):
    """The study before.

    Attributes:
        images: At least one.
        days: How many days before.
        report: Its findings; empty if the client gave none.
    """

    images: tuple[Upload, ...]
    days: float
    report: str = ""


class StudyUpload(NamedTuple):
    """The images of one study.

    Attributes:
        images: At least one.
        study_id: As given by the client; None if it was not.
        operating_point: As given by the client; None if it was not; :data:`NO_POINT` for the generator alone.
        prior: The study before; None if the client gave none.
    """

    images: tuple[Upload, ...]
    study_id: str | None = None
    operating_point: str | None = None
    prior: PriorUpload | None = None


def study_of_json(body: Any, settings: ServiceSettings) -> StudyUpload:
    """Read a study from a JSON object.

    Args:
        body: ``{"study_id": ..., "images": [{"image": <base64>, "view": "frontal"}, ...]}``; a text may stand
            for an image without view. ``prior_images`` (a list as ``images``), ``days_since_prior`` and
            ``prior_report`` are the study before.
        settings: Limits.

    Raises:
        RefusedError: If it is anything else.
    """
    images = body.get("images") if isinstance(body, dict) else None
    if not isinstance(images, list):
        raise RefusedError(422, "no_list", f"The request holds no list 'images'. Send {FORM}.")
    before = body.get(PRIOR[0]) or []
    if not isinstance(before, list):
        raise RefusedError(422, "no_list", f"'{PRIOR[0]}' is no list of images, as 'images' is.")
    uploads, prior = (_uploads(rows, settings, what) for rows, what in ((images, ""), (before, "prior ")))
    told = prior_of(prior, body.get(PRIOR[1]), body.get(PRIOR[2]), settings)
    return checked(uploads, body.get("study_id"), body.get("operating_point"), settings)._replace(prior=told)


def _uploads(images: list[Any], settings: ServiceSettings, what: str) -> list[Upload]:
    uploads = []
    for position, row in enumerate(images[: settings.max_images + 1], 1):
        name = name_at(position, what)
        row = {"image": row} if isinstance(row, str) else row
        if not isinstance(row, dict) or "image" not in row:
            raise RefusedError(422, "no_field", f"{name} is no object with a field 'image'. Send {FORM}.")
        try:
            data = image_bytes(row["image"], name)
        except RequestError as error:
            raise RefusedError(422, error.reason, str(error)) from None
        uploads.append(Upload(name, data, view_of(row.get("view"), name)))
    return uploads


def prior_of(uploads: list[Upload], days: Any, report: Any, settings: ServiceSettings) -> PriorUpload | None:
    """Return the study before, within the limits; None if nothing of it was given.

    Raises:
        RefusedError: If its images, or the days since, are absent or impossible, or its report is no text.
    """
    if not uploads and days in (None, "") and report in (None, ""):
        return None
    if not uploads:
        message = f"{PRIOR[1]} or {PRIOR[2]} came without an image of the study before."
        raise RefusedError(422, "wrong_prior", message)
    if report is not None and (not isinstance(report, str) or len(report) > LONGEST_REPORT):
        message = f"The field '{PRIOR[2]}' must be a text of at most {LONGEST_REPORT:,} characters."
        raise RefusedError(422, "wrong_prior", message)
    _require_sizes(uploads, settings)
    try:
        return PriorUpload(tuple(uploads), days_since_prior(days), report or "")
    except ValueError as error:
        raise RefusedError(422, "wrong_prior", str(error)) from None


def checked(
    uploads: list[Upload], study_id: Any, operating_point: Any, settings: ServiceSettings
) -> StudyUpload:
    """Return a study within the limits.

    Raises:
        RefusedError: If it has no image, too many, one that is too large, or a field that is no short text.
    """
    if not uploads:
        raise RefusedError(422, "no_image", "The request holds no image. Send at least one file.")
    _require_sizes(uploads, settings)
    return StudyUpload(
        tuple(uploads), _short("study_id", study_id), _short("operating_point", operating_point)
    )


def _require_sizes(uploads: list[Upload], settings: ServiceSettings) -> None:
    if len(uploads) > settings.max_images:
        raise RefusedError(
            413, "too_many_images", f"A study may have {settings.max_images} images at most; send fewer."
        )
    for upload in uploads:
        if len(upload.data) > settings.max_file_bytes:
            limit = settings.max_file_bytes / 1e6
            raise RefusedError(413, "file_too_large", f"{upload.name} is larger than {limit:g} MB.")


def _short(field: str, value: Any) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > LONGEST_ID or not value.isprintable():
        right = f"a text of at most {LONGEST_ID} printable characters"
        raise RefusedError(422, f"wrong_{field}", f"The field '{field}' must be {right}.")
    return value


def name_at(position: int, what: str = "") -> str:
    """Return what messages call an image of a request; the client's name for it may identify a patient."""
    return f"The {what}image at position {position}"


def view_of(given: Any, name: str) -> View | None:
    """Read a view; nothing, null and an empty text give none.

    Raises:
        RefusedError: If there is no such view.
    """
    if given is None or given == "":
        return None
    if not isinstance(given, str) or given.strip().lower() not in VIEWS:
        said = quote(printable(given), 40) if isinstance(given, str) else "no text"
        raise RefusedError(422, "wrong_view", f"{name} has the view {said}; say {', '.join(VIEWS)}.")
    return VIEWS[given.strip().lower()]
