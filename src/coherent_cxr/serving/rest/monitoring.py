"""What is counted and logged of every request: route, status and time, and nothing of its content."""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coherent_cxr.serving.rest.metrics import Metrics

logger = logging.getLogger(__name__)


class Monitored:
    """Counts requests and writes one line about each to the log.

    The line names the route, not the address that was asked for: an address, its query above all, may name a
    study.

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
            path = getattr(scope.get("route"), "path", "") or "other"
            self._metrics.requests.labels(path, str(status)).inc()
            self._metrics.seconds.labels(path).observe(seconds)
            logger.info("%s %s %d, %.0f ms", scope["method"], path, status, 1000 * seconds)
