"""What the service says to a request that it does not answer: a sentence, in one form."""

from __future__ import annotations

from typing import Any

from coherent_cxr.images.reading.grey import UnreadableImageError
from coherent_cxr.serving.generator import NOTICE

TOO_LARGE = ("file_too_large", "image_too_large", "too_many_scans")


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


def of_image(error: UnreadableImageError) -> RefusedError:
    """Return the refusal of a request whose image cannot be read."""
    status = 413 if error.reason in TOO_LARGE else 415 if error.reason == "unknown_format" else 422
    return RefusedError(status, error.reason, str(error))
