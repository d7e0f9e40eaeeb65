"""Who may ask: everybody on this machine by default, else whoever sends the token."""

from __future__ import annotations

import base64
import binascii
import json
from hmac import compare_digest

from starlette.types import ASGIApp, Receive, Scope, Send

from coherent_cxr.serving.rest.requests.refusals import refusal

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
            body = json.dumps(refusal("wrong_token", WITHOUT_TOKEN)).encode()
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"www-authenticate", b'Basic realm="coherent-cxr", Bearer'),
                (b"connection", b"close"),
            ]
            await send({"type": "http.response.start", "status": 401, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    def _knows(self, scope: Scope) -> bool:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        scheme, _, credentials = given.strip().partition(b" ")
        if scheme.lower() == b"basic":
            try:
                credentials = base64.b64decode(credentials.strip(), validate=True).partition(b":")[2]
            except binascii.Error:
                return False
        elif scheme.lower() != b"bearer":
            return False
        return compare_digest(credentials.strip(), self._token)
