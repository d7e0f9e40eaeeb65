"""Find out within seconds, instead of MLflow's minutes, that a tracking address cannot be used."""

from __future__ import annotations

import re
import socket
import threading
from importlib.metadata import entry_points

from coherent_cxr.tracking.addresses import DATABASES, TrackingError, masked

PATIENCE = 10.0
"""Seconds to wait for an answer."""
SERVERS = {"http": 80, "https": 443}
PORTS = SERVERS | DATABASES
GREETINGS = {"postgresql": b"\0\0\0\x08\x04\xd2\x16\x2f", "mysql": b""}
"""What a database server answers with at least a byte: PostgreSQL a request for TLS, MySQL a connection."""
GATEWAY_ERRORS = frozenset({502, 503, 504})
"""Answers of a proxy whose server is gone; MLflow would ask again for minutes."""
OTHERS = frozenset({"", "file", "sqlite", "databricks", "databricks-uc", "uc"})
"""Further schemes of addresses that MLflow reads."""


def require_known(uri: str) -> None:
    """Check that MLflow can read an address of this kind on this machine.

    Args:
        uri: MLflow address.

    Raises:
        TrackingError: If MLflow does not know its scheme, or the driver of its database is not installed.
    """
    scheme = _scheme(uri)
    base = scheme.partition("+")[0]
    known = PORTS.keys() | OTHERS
    plugins = {plugin.name for plugin in entry_points(group="mlflow.tracking_store")}
    if base not in known | plugins and len(base) > 1:  # a single letter is a drive
        raise TrackingError(
            f"MLflow reads no address of the kind '{scheme[:40]}://' ({masked(uri)[:200]!r}). Use a path, or "
            f"one of: {', '.join(sorted((known | plugins) - {''}))}."
        )
    if base not in DATABASES:
        return
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    try:
        make_url(uri).get_dialect().import_dbapi()
    except ImportError as error:
        raise TrackingError(
            f"The tracking database {masked(uri)[:200]} needs the package '{error.name}', which is not "
            "installed. Install it, or name the driver that you have, as in postgresql+psycopg2://."
        ) from error
    except (SQLAlchemyError, ValueError) as error:
        raise TrackingError(
            f"{masked(uri)[:200]!r} is no address of a database: {masked(str(error))[:200]}"
        ) from error


def require_answer(uri: str, patience: float = PATIENCE) -> None:
    """Check that a tracking server or database server answers at its address.

    Any answer counts; MLflow judges its content. Addresses without a host pass.

    Args:
        uri: MLflow address.
        patience: Seconds to wait in total.

    Raises:
        TrackingError: If there is no answer in time.
    """
    scheme = _scheme(uri).partition("+")[0]
    if scheme not in PORTS:
        return
    ask = _ask_http if scheme in SERVERS else _ask_database
    failures: list[str] = []

    def try_it() -> None:
        try:
            ask(uri, patience)
        except (OSError, ValueError) as error:  # requests' errors are OSErrors
            ours = scheme in DATABASES or type(error) is ConnectionError
            failures.append(masked(str(error)) if ours else type(error).__name__)

    # In a thread: name lookup has no time-out, and a slow server would get a new one with every packet.
    asking = threading.Thread(target=try_it, daemon=True)
    asking.start()
    asking.join(patience + 0.5)
    if asking.is_alive() or failures:
        reason = failures[0] if failures else f"no answer in {patience:.0f} s"
        raise TrackingError(
            f"The tracking server {masked(uri)} does not answer ({reason}). Check the address and that the "
            "server is running."
        )


def _ask_http(uri: str, patience: float) -> None:
    import requests

    with requests.get(f"{uri.rstrip('/')}/health", timeout=patience, stream=True) as answer:
        if answer.status_code in GATEWAY_ERRORS:
            raise ConnectionError(f"a proxy answers in its place, with status {answer.status_code}")


def _ask_database(uri: str, patience: float) -> None:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(uri)  # its passwords may hold what would end the host elsewhere
    except ArgumentError as error:
        raise ValueError(str(error)) from error
    if not url.host:  # a socket of this machine
        return
    scheme = url.drivername.partition("+")[0]
    with socket.create_connection((url.host, url.port or DATABASES[scheme]), patience) as connection:
        if scheme in GREETINGS:
            connection.sendall(GREETINGS[scheme])
            if not connection.recv(1):
                raise ConnectionError("it closes the connection")


def _scheme(uri: str) -> str:
    match = re.match(
        r"([a-z][a-z0-9+.\-]*):", uri, re.IGNORECASE
    )  # urlsplit's errors would repeat a password
    return match[1].lower() if match else ""
