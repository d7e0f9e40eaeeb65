"""What MLflow's server says to a request that it refuses: one sentence.

By itself ``mlflow models serve`` answers a wrong request with a stack trace, the server's paths or the whole
request, and one that is nested too deeply or has no content type with status 500.
"""

from __future__ import annotations

import functools
import json
import sys
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST, INTERNAL_ERROR

from coherent_cxr.serving.requests import FORM

SERVER = "mlflow.pyfunc.scoring_server"
TABLES = ("dataframe_split", "dataframe_records", "input_data")
UNREADABLE = f"The request cannot be read. Send JSON (Content-Type: application/json) of the form {FORM}."


class RefusedRequestError(MlflowException):
    """A request without an answer; status 400, or 500 if the fault is ours.

    The server puts the request in front of an exception's message, so this one's cannot be set again.
    """

    def __init__(self, message: str, ours: bool = False) -> None:
        self._said = message
        super().__init__(message, error_code=INTERNAL_ERROR if ours else BAD_REQUEST)

    @property
    def message(self) -> str:
        """The sentence."""
        return self._said

    @message.setter
    def message(self, _: str) -> None:
        pass


def answer_in_sentences() -> None:
    """Make the scoring server of this process, if it is one, refuse requests in our words."""
    if f"{SERVER}.app" not in sys.modules:
        return
    server: Any = sys.modules[SERVER]
    server.invocations = in_sentences(server.invocations)


def in_sentences(invocations: Any) -> Any:
    """Wrap MLflow's function that answers a request."""

    @functools.wraps(invocations)
    def answer(data: Any, *request: Any) -> Any:
        try:
            return invocations(as_inputs(data), *request)
        except RefusedRequestError:
            raise
        except Exception:  # the boundary of requests: whatever a foreign one causes
            raise RefusedRequestError(UNREADABLE) from None

    return answer


def as_inputs(data: Any) -> Any:
    """Return a request whose table MLflow would refuse as one that it takes; any other as it is.

    Clients of CXRReportGen send columns and rows, as ``dataframe_split`` or as ``input_data``.

    Args:
        data: Body of the request.

    Raises:
        ValueError: If the rows are not as long as the columns.
    """
    if not isinstance(data, str | bytes) or not any(_text(name, data) in data for name in TABLES):
        return data
    request = json.loads(data)
    given = [name for name in TABLES if isinstance(request, dict) and name in request]
    if len(given) != 1 or "inputs" in request:
        return data
    table = request[given[0]]
    if isinstance(table, dict):
        table = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    return json.dumps({"inputs": table})


def _text(name: str, data: str | bytes) -> Any:
    quoted = f'"{name}"'
    return quoted if isinstance(data, str) else quoted.encode()
