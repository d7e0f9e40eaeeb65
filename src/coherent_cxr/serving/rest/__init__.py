"""The service: reports over HTTP, for programs and for the page."""

from __future__ import annotations

from importlib.util import find_spec

LIBRARIES = ("fastapi", "uvicorn", "prometheus_client", "python_multipart", "dicomweb_client", "nicegui")


class MissingLibraryError(ImportError):
    """Libraries of the service that are not installed; the message says how to get them."""


def require_libraries() -> None:
    """Stop before any work if the service's libraries are not installed.

    Raises:
        MissingLibraryError: If any is missing.
    """
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise MissingLibraryError(
            f"The service needs {', '.join(missing)}: `pip install 'coherent-cxr[serve]'` brings them."
        )
