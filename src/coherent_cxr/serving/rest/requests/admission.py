"""How many requests, and how many bytes of them, the service holds at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Gauge

from coherent_cxr.serving.rest.requests.refusals import RefusedError


class Admission:
    """Lets requests in until all places are taken; the others are told to come again.

    Args:
        most: Requests that wait or are answered at a time.
        most_bytes: Bytes of all of them.
        active: Shows how many there are.
        held: Shows how many bytes they have.
    """

    def __init__(self, most: int, most_bytes: int, active: Gauge, held: Gauge) -> None:
        self.most, self.most_bytes = most, most_bytes
        self.count = self.bytes = 0
        self._active, self._held = active, held

    @contextmanager
    def reading(self) -> Iterator[Held]:
        """Count what is read of one request while the body runs.

        Raises:
            RefusedError: If all places are taken, so that nothing need be read.
        """
        self._require_place()
        held = Held(self)
        try:
            yield held
        finally:
            self._change(0, -held.bytes)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Take a place while the body runs. Slow senders have none yet, so they cannot keep others out.

        Raises:
            RefusedError: If all are taken.
        """
        self._require_place()
        self._change(1, 0)
        try:
            yield
        finally:
            self._change(-1, 0)

    def _require_place(self) -> None:
        if self.count >= self.most:
            raise _busy(f"All {self.most} places for requests are taken.")

    def _change(self, count: int, size: int) -> None:
        self.count, self.bytes = self.count + count, self.bytes + size
        self._active.set(self.count)
        self._held.set(self.bytes)


class Held:
    """The bytes of one request.

    Args:
        admission: Which counts those of all.
    """

    def __init__(self, admission: Admission) -> None:
        self._admission, self.bytes = admission, 0

    def add(self, count: int) -> None:
        """Count bytes of the request that were read.

        Raises:
            RefusedError: If all requests together have too many by now.
        """
        self.bytes += count
        self._admission._change(0, count)
        if self._admission.bytes > self._admission.most_bytes:
            raise _busy("The service holds as many bytes of requests as it may.")


def _busy(why: str) -> RefusedError:
    return RefusedError(429, "busy", f"{why} Send the request again in a moment.", Retry_After="2")
