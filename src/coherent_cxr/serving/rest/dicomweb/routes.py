"""The address that writes the report of a study in an archive."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pydicom
from fastapi import APIRouter, Request

from coherent_cxr.serving.outputs.identification import Identification, identification_of
from coherent_cxr.serving.outputs.text_sr import text_sr
from coherent_cxr.serving.rest.dicomweb.archive import Archive
from coherent_cxr.serving.rest.requests.refusals import RefusedError
from coherent_cxr.serving.rest.requests.uploads import StudyUpload, Upload, name_at
from coherent_cxr.serving.study_report import StudyReport

STORED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")


def dicomweb_router(archive: Archive, identify: bool) -> APIRouter:
    """Return the routes.

    Args:
        archive: Where studies come from, and reports go to.
        identify: Whether reports are filed under the patient of their study; else they name nobody, and the
            archive files them under a patient without a name.
    """
    router = APIRouter()

    @router.post(
        "/v1/dicomweb/studies/{study_uid}",
        tags=["reports"],
        summary="Write the report of a study in the archive, and store it there",
    )
    async def study(request: Request, study_uid: str, store: bool = True) -> dict[str, Any]:
        """Fetch a study's images by WADO-RS and store its structured report by STOW-RS.

        `store=false` only writes the report. The answer holds the report as JSON, and what was stored.
        """
        service = request.app.state.service
        with service.admission.reading() as held:
            try:
                async with asyncio.timeout(service.settings.read_seconds):
                    images = await asyncio.to_thread(archive.fetch, study_uid)
            except TimeoutError:
                raise RefusedError(
                    504, "archive_slow", "The archive did not send the study in time."
                ) from None
            held.add(sum(map(len, images)))
            uploads = tuple(Upload(name_at(at), image) for at, image in enumerate(images, 1))
            report = await service.report(StudyUpload(uploads, study_uid))
            stored = None
            if store:
                who = await asyncio.to_thread(_identification, report, images) if identify else None
                stored = await asyncio.to_thread(_store, archive, report, who)
        return {"report": report.as_dict(), "stored": stored}

    return router


def _identification(report: StudyReport, images: list[bytes]) -> Identification | None:
    for data, image in zip(images, report.images, strict=True):
        if image.dicom is not None:
            return identification_of(report, data)
    return None


def _store(archive: Archive, report: StudyReport, who: Identification | None) -> dict[str, str]:
    document = text_sr(report, who)
    archive.store(document)
    made = pydicom.dcmread(io.BytesIO(document), specific_tags=list(STORED))
    return {keyword: str(made[keyword].value) for keyword in STORED}
