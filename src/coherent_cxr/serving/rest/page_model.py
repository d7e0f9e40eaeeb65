"""The service's model as the page asks for it: by the same limits, processes and batches as every request."""

from __future__ import annotations

from collections.abc import Sequence

from coherent_cxr.serving.page.model import Upload as Dropped
from coherent_cxr.serving.page.operating_points import OperatingPoint, operating_points
from coherent_cxr.serving.rest.engine.service import Service
from coherent_cxr.serving.rest.requests.refusals import RefusedError
from coherent_cxr.serving.rest.requests.uploads import NO_POINT, StudyUpload, Upload
from coherent_cxr.serving.study.study import Refusal, RefusedStudyError
from coherent_cxr.serving.study_report import StudyReport


class ServedModel:
    """A :class:`~coherent_cxr.serving.page.model.PageModel` behind a service.

    Args:
        service: Which writes the reports.
    """

    def __init__(self, service: Service) -> None:
        bundle = service.writer.bundle
        self._service = service
        self.identity, self.initial = service.writer.identity, service.writer.operating_point
        self.points: Sequence[OperatingPoint] = (
            operating_points(bundle.decider) if bundle.decider and bundle.follows_decisions else []
        )

    async def report(self, images: Sequence[Dropped], operating_point: str | None) -> StudyReport:
        """Write the report of a study; None lets the generator decide.

        Raises:
            RefusedStudyError: If it gets none; the message says why.
        """
        uploads = tuple(Upload(image.name, image.data) for image in images)
        try:
            return await self._service.report(StudyUpload(uploads, None, operating_point or NO_POINT))
        except RefusedError as error:
            raise RefusedStudyError(Refusal("", error.reason, error.message)) from error
