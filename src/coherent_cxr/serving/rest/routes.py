"""The addresses of the service."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from coherent_cxr import __version__
from coherent_cxr.serving.generator import NOTICE
from coherent_cxr.serving.rest.answers import answer, form_for
from coherent_cxr.serving.rest.examples import REPORT
from coherent_cxr.serving.rest.manual import manual
from coherent_cxr.serving.rest.requests.reading import read_study
from coherent_cxr.serving.rest.requests.refusals import refusal

router = APIRouter()


@router.post("/v1/reports", summary="Write the report of a study", tags=["reports"], **REPORT)
async def reports(request: Request) -> Response:
    """Write the report of a study of one or more images: DICOM, PNG or JPEG.

    The form of the answer follows the query's `format`, else the header `Accept`. Whatever is wrong with a
    request is said in a sentence: `{"error": ..., "reason": ..., "notice": ...}`.
    """
    service = request.app.state.service
    form = form_for(",".join(request.headers.getlist("accept")), request.query_params.get("format"))
    with service.admission.reading() as held:
        begin = time.perf_counter()
        study = await read_study(request, service.settings, held)
        service.metrics.stages.labels("read").observe(time.perf_counter() - begin)
        return answer(await service.report(study), form)


@router.get("/health", tags=["operation"], summary="Whether the process lives")
async def health() -> dict[str, str]:
    """Answer as long as the process lives."""
    return {"status": "alive"}


@router.get("/ready", tags=["operation"], summary="Whether reports can be written")
async def ready(request: Request) -> Response:
    """Answer 200 once the model is loaded, 503 before and while the service ends."""
    if request.app.state.service.is_ready:
        return JSONResponse({"status": "ready"})
    return JSONResponse(refusal("not_ready", "The service starts, or ends."), 503)


@router.get("/version", tags=["operation"], summary="Model, digests, rule set, limits")
async def version(request: Request) -> dict[str, Any]:
    """Say which model writes the reports, by which rules they are labelled, and the limits of a request."""
    service = request.app.state.service
    writer = service.writer
    return {
        "version": __version__,
        "model": writer.identity._asdict(),
        "label_rules": writer.label_rules,
        "operating_point": writer.operating_point,
        "image_size": writer.size,
        "limits": service.settings.model_dump(),
        "notice": NOTICE,
    }


@router.get("/metrics", tags=["operation"], summary="Numbers for Prometheus")
async def metrics(request: Request) -> Response:
    """Return counts and times; none of them is about a patient."""
    body = generate_latest(request.app.state.service.metrics.registry)
    return Response(body, media_type=CONTENT_TYPE_LATEST)


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> Response:
    """Return the manual."""
    page = manual(request.app.openapi(), str(request.base_url).rstrip("/"))
    return HTMLResponse(
        page, headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    )
