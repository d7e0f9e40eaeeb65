"""What the service says to a request that it does not answer: a sentence, in one form."""

from __future__ import annotations

from typing import Any

from coherent_cxr.serving.generator import NOTICE
from coherent_cxr.serving.study.study import Refusal

STATUSES = {
    413: ("file_too_large", "image_too_large", "too_many_scans", "too_many_images"),
    415: ("unknown_format",),
    500: ("failed", "not_finite"),
}
"""By reasons of the reader of images and of the writer of reports; any other is 422."""


class RefusedError(Exception):
    """A request without a report.

    Attributes:
        status: HTTP status.
        reason: Short code.
        message: A sentence that repeats nothing of the request but names of fields and numbers.
        headers: Further HTTP headers of the answer.
    """

    def __init__(self, status: int, reason: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def as_dict(self) -> dict[str, Any]:
        """Return the body of the answer."""
        return refusal(self.reason, self.message)


def refusal(reason: str, message: str) -> dict[str, Any]:
    """Return the body of every answer that is no report."""
    return {"error": message, "reason": reason, "notice": NOTICE}


def of_study(refused: Refusal) -> RefusedError:
    """Return the refusal of a request whose study gets no report."""
    status = next((status for status, reasons in STATUSES.items() if refused.reason in reasons), 422)
    return RefusedError(status, refused.reason, refused.message)
