"""Connections that do not wait for ever, and are refused in the service's own form."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from coherent_cxr.serving.rest.requests.refusals import refusal

HEAD_SECONDS = 10.0
"""Longest time that the head of a request may take to arrive."""
LINGER_SECONDS = 1.0
NO_HTTP = "This is no HTTP request that can be read, or its head is larger than 64 kB."
TOO_SLOW = f"The head of the request did not arrive within {HEAD_SECONDS:g} s."


class PatientConnection(H11Protocol):
    """A connection that is closed when the head of a request does not arrive in time.

    h11 itself refuses heads of more than 64 kB; bodies are bounded where they are read.
    """

    _head_timer: asyncio.TimerHandle | None = None
    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes; whoever begins a request has to end its head in time."""
        if not self._refused:
            super().data_received(data)
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in the form of all refusals."""
        self._refuse(400, "Bad Request", refusal("no_http", NO_HTTP))

    def _wait_for_head(self) -> None:
        if self._refused or self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._refuse(408, "Request Timeout", refusal("too_slow", TOO_SLOW))

    def _refuse(self, status: int, phrase: str, told: dict[str, Any]) -> None:
        self._refused = True
        if self.cycle is not None and not self.cycle.response_complete:
            if self.cycle.response_started:  # never into another answer
                self.transport.close()
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        body = json.dumps(told).encode()
        head = f"HTTP/1.1 {status} {phrase}\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self.transport.write(head.encode("ascii") + body)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        # closed at once, what is still on its way would keep the client from reading the answer
        self.flow.resume_reading()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)
