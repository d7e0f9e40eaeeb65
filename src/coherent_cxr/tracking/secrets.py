"""Keep passwords of MLflow addresses out of logs, tracebacks and what MLflow prints."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from coherent_cxr.tracking.addresses import MASK, credentials_of, masked, secrets_of

_hidden: set[str] = set()


def kept_by_variables(uri: str) -> str:
    """Let MLflow's variables keep user and password of a server's address, and return the rest.

    MLflow prints the address of a server when a run ends, and writes it into whatever it makes links of. It
    sends the variables' user and password exactly as those of an address.

    Args:
        uri: MLflow address; any but that of an HTTP server is returned as it is.
    """
    credentials = credentials_of(uri)
    if credentials is None or not uri.lower().startswith(("http://", "https://")):
        return uri
    if not credentials.user:  # MLflow's variables know no password without a user
        os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
        return uri
    os.environ["MLFLOW_TRACKING_USERNAME"] = credentials.user
    os.environ["MLFLOW_TRACKING_PASSWORD"] = credentials.secret
    return credentials.address


def hide_secrets(addresses: Iterable[str]) -> None:
    """Replace the passwords in addresses by ``***`` in this process's logs and tracebacks from now on.

    Does nothing if there are none, the usual case.

    Args:
        addresses: MLflow addresses.
    """
    found = secrets_of(addresses)
    if not found:
        return
    if not _hidden:
        _install()
    _hidden.update(found)


def without_secrets(text: str) -> str:
    """Return a text without the passwords of addresses in it and without the secrets hidden so far."""
    for secret in sorted(_hidden, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return masked(text)


def _install() -> None:
    make_record, show_error = logging.getLogRecordFactory(), sys.excepthook

    def make_masked(*args: Any, **settings: Any) -> logging.LogRecord:
        record = make_record(*args, **settings)
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # the message does not fit its arguments; logging reports that itself
            return record
        if without_secrets(message) != message:
            record.msg, record.args = without_secrets(message), ()
        if record.exc_info and record.exc_info[1]:
            shown = "".join(traceback.format_exception(record.exc_info[1]))
            if without_secrets(shown) != shown:
                record.exc_info, record.exc_text = None, without_secrets(shown)
        return record

    def show_masked(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        shown = "".join(traceback.format_exception(kind, error, trace))
        if without_secrets(shown) == shown:
            show_error(kind, error, trace)
        else:
            sys.stderr.write(without_secrets(shown))

    logging.setLogRecordFactory(make_masked)
    sys.excepthook = show_masked
