"""What the page needs of a model, and a model that this process runs itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from coherent_cxr.serving.page.operating_points import OperatingPoint, operating_points
from coherent_cxr.serving.study.study import GivenImage, Study
from coherent_cxr.serving.study.writer import StudyWriter
from coherent_cxr.serving.study_report import ModelIdentity, StudyReport


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
    initial: str | None
    """The operating point that a page begins with; None lets the generator decide."""

    async def report(self, images: Sequence[Upload], operating_point: str | None) -> StudyReport:
        """Write the report of a study; None lets the generator decide.

        Raises:
            RefusedStudyError: If it gets none; the message says why.
        """


class LocalModel:
    """Reports are written in a thread, one at a time, so that other visitors can go on clicking.

    Args:
        writer: With the model; its operating point is the one that a page begins with.
    """

    def __init__(self, writer: StudyWriter) -> None:
        bundle = writer.bundle
        self.identity, self.initial = writer.identity, writer.operating_point
        self.points: Sequence[OperatingPoint] = (
            operating_points(bundle.decider) if bundle.decider and bundle.follows_decisions else []
        )
        self._writers = {writer.operating_point: writer}
        self._first = writer
        self._turn = asyncio.Lock()

    async def report(self, images: Sequence[Upload], operating_point: str | None) -> StudyReport:
        """Write the report of a study; see :class:`PageModel`."""
        async with self._turn:
            return await asyncio.to_thread(self._write, images, operating_point)

    def _write(self, images: Sequence[Upload], operating_point: str | None) -> StudyReport:
        if operating_point not in self._writers:
            self._writers[operating_point] = self._first.at(operating_point)
        study = Study.of(GivenImage(image.data, image.name) for image in images)
        return self._writers[operating_point].write(study)
