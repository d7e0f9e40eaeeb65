"""Images that visitors dropped: in memory, each visitor's for that visitor alone, within limits."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from coherent_cxr.inputs.limits import MAX_FILE_BYTES
from coherent_cxr.inputs.names import printable
from coherent_cxr.serving.page.model import Upload

LONGEST_NAME = 100


class RefusedUploadError(ValueError):
    """An upload, or a visit, that is not taken; the message says why.

    Attributes:
        status: HTTP status.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class UploadLimits:
    """How much the page takes.

    Attributes:
        max_file_bytes: Most bytes of one image file.
        max_images: Most images of a study.
        max_study_bytes: Most bytes of a study.
        max_held_bytes: Most bytes of the studies of all visitors.
        read_seconds: Longest time that an image may take to arrive.
        max_visits: Most pages that are open at a time.
    """

    max_file_bytes: int = min(100_000_000, MAX_FILE_BYTES)
    max_images: int = 16
    max_study_bytes: int = 250_000_000
    max_held_bytes: int = 1_000_000_000
    read_seconds: float = 60.0
    max_visits: int = 200


@dataclass(eq=False)
class Visit:
    """One open page.

    Attributes:
        token: Known to this page alone.
        images: The study that was dropped last.
    """

    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    images: list[Upload] = field(default_factory=list, repr=False)

    @property
    def held(self) -> int:
        """Bytes of its images."""
        return sum(len(image.data) for image in self.images)


class Visits:
    """All open pages.

    Args:
        limits: How much they take.
    """

    def __init__(self, limits: UploadLimits) -> None:
        self.limits = limits
        self._open: dict[str, Visit] = {}
        self._arriving = 0

    @property
    def held(self) -> int:
        """Bytes of the images of all visitors, those that still arrive included."""
        return self._arriving + sum(visit.held for visit in self._open.values())

    def open(self) -> Visit:
        """Begin a visit.

        Raises:
            RefusedUploadError: If as many pages are open as may be.
        """
        if len(self._open) >= self.limits.max_visits:
            raise RefusedUploadError(503, "Too many pages are open. Close one, or try again in a minute.")
        visit = Visit()
        self._open[visit.token] = visit
        return visit

    def close(self, visit: Visit) -> None:
        """End a visit; nothing of it is kept."""
        self._open.pop(visit.token, None)
        visit.images.clear()

    async def receive(self, token: str, position: int, name: str, pieces: AsyncIterator[bytes]) -> None:
        """Take one image; the first one replaces the study before.

        Args:
            token: Of the visit.
            position: Place of the image in its study, from 0.
            name: Name of the file.
            pieces: Its bytes as they arrive.

        Raises:
            RefusedUploadError: If the page is closed, or a limit is passed; no more is read then.
        """
        visit = self._open.get(token)
        if visit is None:
            raise RefusedUploadError(404, "This page is no longer open. Load it again.")
        limits = self.limits
        if position == 0:
            visit.images.clear()
        if position >= limits.max_images:
            raise RefusedUploadError(413, f"A study may have {limits.max_images} images at most.")
        if position != len(visit.images):
            raise RefusedUploadError(409, "Another study is being uploaded by this page.")
        try:
            async with asyncio.timeout(limits.read_seconds):
                data = await self._read(visit, pieces)
        except TimeoutError:
            seconds = f"{limits.read_seconds:g} s"
            raise RefusedUploadError(408, f"The image did not arrive within {seconds}.") from None
        if token not in self._open or position != len(visit.images):
            raise RefusedUploadError(
                409, "The page was closed, or began another study, before the file was there."
            )
        visit.images.append(Upload(_shown(name, position), data))

    async def _read(self, visit: Visit, pieces: AsyncIterator[bytes]) -> bytes:
        limits, data = self.limits, bytearray()
        try:
            async for piece in pieces:
                data += piece
                self._arriving += len(piece)
                if len(data) > limits.max_file_bytes:
                    raise RefusedUploadError(413, _larger("The file", limits.max_file_bytes))
                if visit.held + len(data) > limits.max_study_bytes:
                    raise RefusedUploadError(413, _larger("The study", limits.max_study_bytes))
                if self.held > limits.max_held_bytes:
                    raise RefusedUploadError(
                        429, "The server holds as many images as it may. Try again in a minute."
                    )
            return bytes(data)
        finally:
            self._arriving -= len(data)


def _larger(what: str, limit: int) -> str:
    return f"{what} is larger than {limit / 1e6:g} MB."


def _shown(name: str, position: int) -> str:
    """Return a name that fits a line, without the folders that it may stand in."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1].strip()
    return printable(last, LONGEST_NAME) or f"Image {position + 1}"
