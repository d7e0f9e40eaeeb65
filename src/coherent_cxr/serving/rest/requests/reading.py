"""Bodies of requests, read within bounds of bytes and time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from coherent_cxr.serving.rest.requests.admission import Held
from coherent_cxr.serving.rest.requests.refusals import RefusedError
from coherent_cxr.serving.rest.requests.uploads import (
    LONGEST_REPORT,
    StudyUpload,
    Upload,
    checked,
    name_at,
    prior_of,
    study_of_json,
    view_of,
)
from coherent_cxr.serving.rest.settings import ServiceSettings

JSON, MULTIPART = "application/json", "multipart/form-data"
MAX_FIELD_BYTES, MAX_FIELDS = 4 * LONGEST_REPORT, 64
FIELDS = ("files", "views", "study_id", "operating_point", "prior_files", "days_since_prior", "prior_report")


class _InMemory(MultiPartParser):
    """Keeps files in memory: an image on a disk would outlive the request."""

    spool_max_size = 1 << 40


async def read_study(request: Request, settings: ServiceSettings, held: Held) -> StudyUpload:
    """Read the images of a request.

    Args:
        request: Multipart (``files``, ``views``, ``study_id``, ``operating_point``, and of the study before
            ``prior_files``, ``days_since_prior``, ``prior_report``), or JSON as
            :func:`~coherent_cxr.serving.rest.requests.uploads.study_of_json` reads it.
        settings: Limits.
        held: Counts the bytes that are read.

    Raises:
        RefusedError: If it is neither, is too large, arrives too slowly or breaks off.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (JSON, MULTIPART):
        raise RefusedError(
            415, "wrong_content_type", f"Send {MULTIPART} with a field 'files', or {JSON}; see /docs."
        )
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise RefusedError(415, "wrong_content_encoding", "Send the request without compression.")
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced) > settings.max_request_bytes:
        raise _too_large(settings)
    try:
        async with asyncio.timeout(settings.read_seconds):
            body = await _body(request, settings, held)
    except TimeoutError:
        message = f"The request did not arrive within {settings.read_seconds:g} s."
        raise RefusedError(408, "too_slow", message, Connection="close") from None
    except ClientDisconnect:
        raise RefusedError(400, "broken_off", "The request broke off before its end.") from None
    if kind == JSON:
        return await asyncio.to_thread(_json, body, settings)  # decoding base64 takes a while
    return await _multipart(request, body, settings)


async def _body(request: Request, settings: ServiceSettings, held: Held) -> bytes:
    pieces = bytearray()
    async for piece in request.stream():
        held.add(len(piece))
        pieces += piece
        if len(pieces) > settings.max_request_bytes:
            raise _too_large(settings)
    return bytes(pieces)


def _json(body: bytes, settings: ServiceSettings) -> StudyUpload:
    try:
        parsed: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError(400, "no_json", "The request is no JSON that can be read.") from None
    return study_of_json(parsed, settings)


async def _whole(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


async def _multipart(request: Request, body: bytes, settings: ServiceSettings) -> StudyUpload:
    parser = _InMemory(
        request.headers,
        _whole(body),
        max_files=2 * settings.max_images,
        max_fields=MAX_FIELDS,
        max_part_size=MAX_FIELD_BYTES,
    )
    try:
        form = await parser.parse()
    except (MultiPartException, ValueError, LookupError):  # the parser's own words may quote the request
        raise RefusedError(
            400,
            "no_multipart",
            f"The request is no {MULTIPART} that can be read: it is damaged, or has more than "
            f"{2 * settings.max_images} files, {MAX_FIELDS} fields or {MAX_FIELD_BYTES:,} bytes in a field.",
        ) from None
    if unknown := sorted({name for name, _ in form.multi_items()} - set(FIELDS)):
        raise RefusedError(
            422, "wrong_field", f"There are {len(unknown)} unknown fields; known are {', '.join(FIELDS)}."
        )
    files = form.getlist("files")
    views = [part for given in form.getlist("views") for part in str(given).split(",")]
    if views and len(views) != len(files):
        raise RefusedError(
            422, "wrong_views", f"There are {len(files)} files but {len(views)} views; give one for each."
        )
    uploads = await _uploads(files, views, "")
    before = await _uploads(form.getlist("prior_files"), [], "prior ")
    prior = prior_of(before, form.get("days_since_prior"), form.get("prior_report"), settings)
    study = checked(uploads, form.get("study_id"), form.get("operating_point"), settings)
    return study._replace(prior=prior)


async def _uploads(files: list[UploadFile | str], views: list[str], what: str) -> list[Upload]:
    uploads = []
    for position, file in enumerate(files, 1):
        name = name_at(position, what)
        if not isinstance(file, UploadFile):
            raise RefusedError(422, "no_file", f"{name} is a text, not a file: give it a file name.")
        data = await file.read()
        await file.close()
        uploads.append(Upload(name, data, view_of(views[position - 1] if views else None, name)))
    return uploads


def _too_large(settings: ServiceSettings) -> RefusedError:
    limit = settings.max_request_bytes / 1e6
    return RefusedError(
        413, "request_too_large", f"The request is larger than {limit:g} MB.", Connection="close"
    )
