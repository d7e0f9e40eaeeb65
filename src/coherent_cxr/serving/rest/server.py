"""The server: a socket, the application, a sentence when it is ready, and a clean end."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from coherent_cxr.serving.rest.connections import PatientConnection

END_SECONDS = 10
"""How long requests that are under way may take once the server is told to end."""
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


class AddressError(OSError):
    """An address that the server cannot take; the message says why."""


def is_loopback(host: str) -> bool:
    """Tell whether an address can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def open_socket(host: str, port: int) -> socket.socket:
    """Take an address before anything is loaded.

    Args:
        host: A name or an address of this machine.
        port: 0 takes any that is free.

    Raises:
        AddressError: If it is taken, not allowed, or none of this machine.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise AddressError(f"There is no address '{host}'; --host takes one of this machine.") from None
    try:
        return socket.create_server(address[:2], family=family, backlog=1024)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise AddressError(f"Port {port} of '{host}' cannot be taken: {why}. Choose another.") from error


def address_of(taken: socket.socket) -> str:
    """Return where a browser finds a server on this socket."""
    host, port = taken.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def serve(app: FastAPI, taken: socket.socket, ready: Callable[[], None]) -> bool:
    """Serve until Ctrl-C or SIGTERM; requests that are under way are answered first.

    Args:
        app: The application.
        taken: Where.
        ready: Called when requests are taken.

    Returns:
        Whether it had started.
    """
    config = uvicorn.Config(
        app,
        http=PatientConnection,
        access_log=False,  # ours has no query
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=END_SECONDS,
    )
    server = _Server(config, ready)
    # uvicorn raises the signal again at its end, which would look like a failure
    before = {number: signal.signal(number, _ignored) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run([taken])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return server.started


def _ignored(*_: object) -> None:
    pass
