"""Find out within seconds, instead of MLflow's minutes, that a tracking address cannot be used."""

from __future__ import annotations

import socket
import threading
from importlib.metadata import entry_points
from urllib.parse import SplitResult, urlsplit

from coherent_cxr.tracking.addresses import TrackingError, masked

PATIENCE = 10.0
"""Seconds to wait for an answer."""
SERVERS = {"http": 80, "https": 443}
DATABASES = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
PORTS = SERVERS | DATABASES
OTHERS = frozenset({"", "file", "sqlite", "databricks", "databricks-uc", "uc"})
"""Further schemes of addresses that MLflow reads."""


def require_known(uri: str) -> None:
    """Check that MLflow can read an address of this kind on this machine.

    Args:
        uri: MLflow address.

    Raises:
        TrackingError: If MLflow does not know its scheme, or the driver of its database is not installed.
    """
    scheme = _parts(uri).scheme
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
    parts = _parts(uri)
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

    # In a thread: name lookup has no time-out, and a slow server would get a new one with every packet.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(patience + 0.5)
    if asking.is_alive() or failures:
        reason = failures[0] if failures else f"no answer in {patience:.0f} s"
        raise TrackingError(
            f"The tracking server {masked(uri)} does not answer ({reason}). Check the address and that the "
            "server is running."
        )


def _parts(uri: str) -> SplitResult:
    try:
        return urlsplit(uri)
    except ValueError as error:
        raise TrackingError(f"{masked(uri)[:200]!r} is no address of a tracking server: {error}.") from error
