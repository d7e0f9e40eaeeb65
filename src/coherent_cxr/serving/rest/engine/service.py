"""The service behind REST and page: from the files of a study to its report, within the limits."""

from __future__ import annotations

import asyncio
import logging
import time

from coherent_cxr.images.reading.grey import UnreadableImageError
from coherent_cxr.serving.rest.engine.batching import Batcher
from coherent_cxr.serving.rest.engine.decoding import DecodedUpload, Decoders
from coherent_cxr.serving.rest.engine.writing import DecodedStudy, Writer
from coherent_cxr.serving.rest.metrics import Metrics
from coherent_cxr.serving.rest.requests.admission import Admission
from coherent_cxr.serving.rest.requests.refusals import RefusedError, of_image
from coherent_cxr.serving.rest.requests.uploads import StudyUpload, Upload
from coherent_cxr.serving.rest.settings import ServiceSettings
from coherent_cxr.serving.study_report import StudyReport

logger = logging.getLogger(__name__)


class Service:
    """Decodes images in processes and writes reports in one thread, several waiting studies at a time.

    Args:
        writer: With the model.
        settings: Limits.
    """

    def __init__(self, writer: Writer, settings: ServiceSettings) -> None:
        self.writer, self.settings = writer, settings
        self.metrics = Metrics()
        self.admission = Admission(
            settings.queue, settings.max_held_bytes, self.metrics.active, self.metrics.held
        )
        self._decoders: Decoders | None = None
        self._batcher: Batcher[DecodedStudy, StudyReport] | None = None

    @property
    def is_ready(self) -> bool:
        """Whether it takes requests."""
        return self._decoders is not None

    @property
    def decoders(self) -> Decoders:
        """The processes that decode."""
        assert self._decoders is not None, "start() comes first"
        return self._decoders

    def start(self) -> None:
        """Start processes and thread."""
        given = self.settings
        self._batcher = Batcher(self.writer.write, given.batch, self.metrics.batches.observe)
        self._decoders = Decoders(given.decoders, self.writer.size, given.decode_seconds)

    def close(self) -> None:
        """End them, once what waits has been answered."""
        decoders, batcher = self._decoders, self._batcher
        self._decoders = self._batcher = None
        if decoders is not None and batcher is not None:
            decoders.close()
            batcher.close()

    async def report(self, study: StudyUpload) -> StudyReport:
        """Return the report of a study.

        Raises:
            RefusedError: If all places are taken, no image can be read, the time is over, or the model fails.
        """
        try:
            with self.admission.turn():
                async with asyncio.timeout(self.settings.answer_seconds):
                    return await self._report(study)
        except TimeoutError:
            seconds = f"{self.settings.answer_seconds:g} s"
            raise RefusedError(
                503,
                "no_time",
                f"There was no report within {seconds}. Send the request again.",
                Retry_After="30",
            ) from None
        except UnreadableImageError as error:
            raise of_image(error) from None
        except RefusedError:
            raise
        except Exception:
            logger.exception("A study failed.")
            raise RefusedError(500, "failed", "The model failed. The server's log says more.") from None

    async def _report(self, study: StudyUpload) -> StudyReport:
        assert self._batcher is not None, "start() comes first"
        begin = time.perf_counter()
        images = await asyncio.gather(*map(self._decoded, study.images))
        self.metrics.stages.labels("decode").observe(time.perf_counter() - begin)
        begin = time.perf_counter()
        report = await self._batcher.ask(DecodedStudy(study.study_id or study_id_of(images), tuple(images)))
        self.metrics.stages.labels("write").observe(time.perf_counter() - begin)
        for note in report.notes:
            self.metrics.notes.labels(note.code).inc()
        return report

    async def _decoded(self, upload: Upload) -> DecodedUpload | UnreadableImageError:
        try:
            return await self.decoders.read(upload)
        except UnreadableImageError as error:
            return error


def study_id_of(images: list[DecodedUpload | UnreadableImageError]) -> str:
    """Return the Study Instance UID of the first image that has one."""
    found = (image.dicom.study_uid for image in images if isinstance(image, DecodedUpload) and image.dicom)
    return next(found, "study")
