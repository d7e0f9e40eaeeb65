"""The page on a FastAPI application."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from nicegui import app as page_app
from nicegui import ui
from starlette.routing import Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coherent_cxr.serving.page import FILES
from coherent_cxr.serving.page.elements import ADDRESS
from coherent_cxr.serving.page.model import PageModel
from coherent_cxr.serving.page.study_page import StudyPage
from coherent_cxr.serving.page.uploads import RefusedUploadError, UploadLimits, Visits

TITLE = "Coherent CXR: report of a chest radiograph"
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="6" fill="#1f5fa8"/>'
    '<path d="M14 7v8c-6 0-8 5-8 10h8zm4 0v8c6 0 8 5 8 10h-8z" fill="#fff"/></svg>'
)
HEADERS = {
    "content-security-policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
}
"""Nothing may be fetched from elsewhere, and the page stands in no other one's frame."""
SECONDS_BETWEEN_PINGS = 30.0
"""About: a busy machine must not look like a visitor who has left."""


def mount_page(
    app: FastAPI,
    models: Sequence[PageModel],
    limits: UploadLimits | None = None,
    seconds_to_reconnect: float = 10.0,
) -> Visits:
    """Serve the page at ``/`` of an application, whose other addresses stay as they are.

    A process has one page: NiceGUI keeps its state globally.

    Args:
        app: The application, before it is started.
        models: At least one; the first writes the reports, any other can be compared with it.
        limits: How many images the page takes, and how large.
        seconds_to_reconnect: After that long without connection a visit ends, and its images are dropped.

    Returns:
        The visits: who holds images, and how many bytes.
    """
    visits = Visits(limits or UploadLimits())

    @app.post(ADDRESS, include_in_schema=False)
    async def receive_image(request: Request) -> JSONResponse:
        headers = request.headers
        position = headers.get("x-position", "")
        try:
            if not (position.isascii() and position.isdecimal() and len(position) < 5):
                raise RefusedUploadError(400, "The upload does not say which image of the study it is.")
            name = unquote(headers.get("x-file-name", ""), errors="replace")
            await visits.receive(headers.get("x-visit", ""), int(position), name, request.stream())
        except RefusedUploadError as error:
            return JSONResponse({"error": str(error)}, error.status, {"connection": "close"})
        return JSONResponse({"taken": True})

    @ui.page("/", title=TITLE, favicon=ICON, dark=None, reconnect_timeout=seconds_to_reconnect)
    def study_page() -> Response | None:
        try:
            visit = visits.open()
        except RefusedUploadError as error:
            return PlainTextResponse(str(error), error.status, {"retry-after": "60"})
        ui.context.client.on_delete(lambda: visits.close(visit))
        StudyPage(models, visit, visits.limits)
        return None

    ui.run_with(
        app,
        title=TITLE,
        favicon=ICON,
        dark=None,
        tailwind=False,
        show_welcome_message=False,
        reconnect_timeout=SECONDS_BETWEEN_PINGS,  # NiceGUI makes the time between pings of it
        message_history_length=100,
    )
    app.router.routes.pop()  # it would answer every address that the application has not
    app.router.routes.append(_PageMount("/", _WithHeaders(page_app), name="page"))
    return visits


class _PageMount(Mount):
    """Answers at the page's addresses alone."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path = scope.get("path", "")
        if path in ("/", "/favicon.ico") or path.startswith(FILES):
            return super().matches(scope)
        return Match.NONE, {}


class _WithHeaders:
    """Adds :data:`HEADERS` to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added: list[Any] = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        await self._app(scope, receive, with_headers)
