"""What is counted and logged of every request: route, status and time, and nothing of its content."""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coherent_cxr.serving.page import FILES
from coherent_cxr.serving.rest.metrics import Metrics

logger = logging.getLogger(__name__)
BAD = 400
"""Statuses from here on say that something was not sent."""


class Monitored:
    """Counts requests and writes one line about each to the log.

    The line names the route, not the address that was asked for: an address, its query above all, may name a
    study. Files of the page are counted together, and have a line only if they were not sent.

    Args:
        app: What answers.
        metrics: Where requests are counted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through and count its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin, status = time.perf_counter(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            seconds = time.perf_counter() - begin
            of_page = scope["path"].startswith(FILES)
            path = getattr(scope.get("route"), "path", "") or _without_route(scope["path"])
            self._metrics.requests.labels(path, str(status)).inc()
            self._metrics.seconds.labels(path).observe(seconds)
            if not of_page or status >= BAD:
                logger.info("%s %s %d, %.0f ms", scope["method"], path, status, 1000 * seconds)


def _without_route(path: str) -> str:
    if path.startswith(FILES):
        return "files of the page"
    return path if path in ("/", "/favicon.ico") else "other"
