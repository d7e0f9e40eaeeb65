"""What the page needs of a model, and a model that this process runs itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from coherent_cxr.images.reading.grey import UnreadableImageError
from coherent_cxr.serving.generator import ReportWriter
from coherent_cxr.serving.page.operating_points import OperatingPoint, operating_points
from coherent_cxr.serving.study_report import ModelIdentity, StudyImage, StudyReport


class Upload(NamedTuple):
    """One image file as a visitor dropped it.

    Attributes:
        name: Name of the file; shown to this visitor alone.
        data: Its bytes.
    """

    name: str
    data: bytes


class PageModel(Protocol):
    """A model that the page offers."""

    identity: ModelIdentity
    points: Sequence[OperatingPoint]
    """Its operating points, the strictest first; empty if it cannot follow decisions."""

    async def report(self, images: Sequence[Upload], operating_point: str | None) -> StudyReport:
        """Write the report of a study; None lets the generator decide.

        Raises:
            UnreadableImageError: If no image can be read; the message says why.
        """


class SingleImageModel:
    """Reports rest on the first image of a study that can be read; one report at a time.

    Args:
        writer: With the model.
        identity: Which model it is.
    """

    def __init__(self, writer: ReportWriter, identity: ModelIdentity) -> None:
        self._writer, self.identity = writer, identity
        bundle = writer.bundle
        self.points = operating_points(bundle.decider) if bundle.decider and bundle.follows_decisions else []
        self._turn = asyncio.Lock()

    async def report(self, images: Sequence[Upload], operating_point: str | None) -> StudyReport:
        """Write the report of a study; see :class:`PageModel`."""
        async with self._turn:
            return await asyncio.to_thread(self._write, images, operating_point)

    def _write(self, images: Sequence[Upload], operating_point: str | None) -> StudyReport:
        self._writer.operating_point = operating_point
        shown: list[StudyImage] = []
        report, refused = None, None
        for image in images:
            left_out = None if report is None else "The report rests on another image of the study."
            if report is None:
                try:
                    report = self._writer.write(image.data, image.name)
                except UnreadableImageError as error:
                    refused, left_out = error, str(error)
            shown.append(StudyImage(image.name, "unknown", "assumed", left_out))
        if report is None:
            raise refused or UnreadableImageError("no_image", "The study holds no image.")
        created = datetime.now(UTC).isoformat(timespec="seconds")
        return StudyReport("study", report, tuple(shown), (), (), self.identity, created)
