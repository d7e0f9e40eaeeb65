"""A tracking server that does not answer is found out in seconds, not in MLflow's minutes."""

from __future__ import annotations

import socket
import threading
from urllib.parse import urlsplit

from coherent_cxr.tracking.addresses import TrackingError, masked

PATIENCE = 10.0
"""Seconds to wait for an answer."""
PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}


def require_answer(uri: str, patience: float = PATIENCE) -> None:
    """Make sure that somebody answers at the address of a tracking server or a database server.

    Any answer will do; what it says is MLflow's to judge. Addresses without a host pass.

    Args:
        uri: MLflow address.
        patience: Seconds to wait, for all together.

    Raises:
        TrackingError: If nobody answers in time.
    """
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise TrackingError(f"{masked(uri)!r} is no address of a tracking server: {error}.") from error
    scheme = parts.scheme.partition("+")[0]
    if scheme not in PORTS:
        return
    failures: list[str] = []

    def ask() -> None:
        try:
            if scheme in ("http", "https"):
                import requests

                with requests.get(f"{uri.rstrip('/')}/health", timeout=patience, stream=True):
                    return
            with socket.create_connection(
                (parts.hostname or "localhost", parts.port or PORTS[scheme]), patience
            ):
                return
        except (OSError, ValueError) as error:  # requests' errors are OSErrors
            failures.append(type(error).__name__ if scheme.startswith("http") else str(error))

    # In a thread, because looking up a name knows no time-out and a slow server gets one per packet.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(patience + 0.5)
    if asking.is_alive() or failures:
        reason = failures[0] if failures else f"no answer in {patience:.0f} s"
        raise TrackingError(
            f"The tracking server {masked(uri)} does not answer ({reason}). Check the address and that the "
            "server is running."
        )
