"""Who may ask: everybody on this machine by default, else whoever sends the token."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection
from hmac import compare_digest
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from coherent_cxr.serving.rest.requests.refusals import refusal

CHALLENGES = (
    (b"www-authenticate", b'Basic realm="coherent-cxr"'),
    (b"www-authenticate", b"Bearer"),
)
OPEN_PATHS = ("/health", "/ready")
WITHOUT_TOKEN = "Send the service's token: 'Authorization: Bearer <token>', or as the password of Basic."


class TokenGuard:
    """Asks for a token on every path but `/health` and `/ready`, web sockets included.

    Browsers ask for it by themselves, as a password with any user name.

    Args:
        app: What is guarded.
        token: The token.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._token = app, token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it before its body is read."""
        if scope["type"] not in ("http", "websocket") or scope["path"] in OPEN_PATHS or self._knows(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            # one header each: Chromium asks for no password where both stand in one
            await _refuse(send, 401, refusal("wrong_token", WITHOUT_TOKEN), *CHALLENGES)

    def _knows(self, scope: Scope) -> bool:
        given = _header(scope, b"authorization")
        scheme, _, credentials = given.strip().partition(b" ")
        if scheme.lower() == b"basic":
            try:
                credentials = base64.b64decode(credentials.strip(), validate=True).partition(b":")[2]
            except binascii.Error:
                return False
        elif scheme.lower() != b"bearer":
            return False
        return compare_digest(credentials.strip(), self._token)


class HostGuard:
    """Answers only requests that ask for this service by one of its names.

    Args:
        app: What is guarded.
        hosts: The names.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app, self._hosts = app, frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it before its body is read."""
        if scope["type"] not in ("http", "websocket") or _host(scope) in self._hosts:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            message = f"This service is asked for as {', '.join(sorted(self._hosts))}, and by no other name."
            await _refuse(send, 421, refusal("wrong_host", message))


def _host(scope: Scope) -> str:
    given = _header(scope, b"host").decode("latin-1").lower()
    return given[1:].partition("]")[0] if given.startswith("[") else given.partition(":")[0]


def _header(scope: Scope, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key == name), b"")


async def _refuse(send: Send, status: int, told: dict[str, Any], *more: tuple[bytes, bytes]) -> None:
    body = json.dumps(told).encode()
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *more]
    await send(
        {"type": "http.response.start", "status": status, "headers": [*head, (b"connection", b"close")]}
    )
    await send({"type": "http.response.body", "body": body})
