"""The FastAPI application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from coherent_cxr import __version__
from coherent_cxr.serving.generator import NOTICE
from coherent_cxr.serving.rest.engine.service import Service
from coherent_cxr.serving.rest.monitoring import Monitored
from coherent_cxr.serving.rest.requests.access import HostGuard, TokenGuard
from coherent_cxr.serving.rest.requests.refusals import RefusedError, refusal
from coherent_cxr.serving.rest.routes import router
from coherent_cxr.serving.rest.settings import ServiceSettings
from coherent_cxr.serving.study.writer import StudyWriter

SENTENCES = {
    404: "There is nothing at this address; see /docs.",
    405: "This address takes another method; see /docs.",
}


def create_app(
    writer: StudyWriter,
    settings: ServiceSettings | None = None,
    token: str | None = None,
    hosts: Collection[str] = (),
) -> FastAPI:
    """Return the application; ``app.state.service`` is the :class:`Service` that its routes use.

    Args:
        writer: With the model.
        settings: Limits; the defaults if None.
        token: What clients must send; None lets everybody in who reaches the service.
        hosts: Names under which it may be asked for, without ports; none lets any pass. A page of a foreign
            site that makes its own name lead to this machine is refused by them.
    """
    service = Service(writer, settings or ServiceSettings())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        try:
            yield
        finally:
            service.close()

    app = FastAPI(
        title="Coherent CXR",
        version=__version__,
        description=f"Reports of chest radiographs. {NOTICE}",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's own fetches its scripts from elsewhere
        redoc_url=None,
    )
    app.state.service = service
    app.include_router(router)
    app.add_exception_handler(RefusedError, _refused)
    app.add_exception_handler(HTTPException, _http_refused)
    app.add_exception_handler(Exception, _failed)
    if token is not None:
        app.add_middleware(TokenGuard, token=token)
    if hosts:
        app.add_middleware(HostGuard, hosts=hosts)
    app.add_middleware(Monitored, metrics=service.metrics)  # around all others
    return app


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    request.app.state.service.metrics.refused.labels(error.reason).inc()
    return JSONResponse(error.as_dict(), error.status, error.headers)


async def _http_refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = SENTENCES.get(error.status_code, "The request cannot be answered; see /docs.")
    return JSONResponse(refusal("wrong_request", message), error.status_code, error.headers)


async def _failed(_: Request, __: Exception) -> Response:
    return JSONResponse(refusal("failed", "The service failed. Its log says more."), 500)
