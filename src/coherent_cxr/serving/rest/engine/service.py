"""The service behind REST and page: from the files of a study to its report, within the limits."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from coherent_cxr.images.reading.grey import UnreadableImageError
from coherent_cxr.models.decider import OperatingPointError
from coherent_cxr.serving.monitoring.drift_log import DriftLog
from coherent_cxr.serving.rest.engine.batching import Batcher
from coherent_cxr.serving.rest.engine.decoding import DecodedUpload, Decoders
from coherent_cxr.serving.rest.metrics import Metrics
from coherent_cxr.serving.rest.requests.admission import Admission
from coherent_cxr.serving.rest.requests.refusals import RefusedError, of_study
from coherent_cxr.serving.rest.requests.uploads import NO_POINT, StudyUpload, Upload
from coherent_cxr.serving.rest.settings import ServiceSettings
from coherent_cxr.serving.rest.shadow.shadow import Shadow
from coherent_cxr.serving.study.study import GivenImage, GivenPrior, Refusal, Study
from coherent_cxr.serving.study.writer import StudyWriter
from coherent_cxr.serving.study_report import StudyReport

logger = logging.getLogger(__name__)


class _Asked(NamedTuple):
    study: Study
    writer: StudyWriter


class Service:
    """Decodes images in processes and writes reports in one thread, several waiting studies at a time.

    Args:
        writer: With the model.
        settings: Limits.
    """

    def __init__(self, writer: StudyWriter, settings: ServiceSettings) -> None:
        self.writer, self.settings = writer, settings
        self.metrics = Metrics()
        self.admission = Admission(
            settings.queue, settings.max_held_bytes, self.metrics.active, self.metrics.held
        )
        self.shadow: Shadow | None = None
        self.drift_log: DriftLog | None = None
        self._writers: dict[str | None, StudyWriter] = {writer.operating_point: writer}
        self._decoders: Decoders | None = None
        self._batcher: Batcher[_Asked, StudyReport | Refusal] | None = None

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
        self._batcher = Batcher(self._written, given.batch, self.metrics.batches.observe)
        self._decoders = Decoders(given.decoders, self.writer.size, given.decode_seconds)

    def close(self) -> None:
        """End them, once what waits has been answered."""
        if self.shadow is not None:
            self.shadow.close()
        decoders, batcher = self._decoders, self._batcher
        self._decoders = self._batcher = None
        if decoders is not None and batcher is not None:
            decoders.close()
            batcher.close()

    def _written(self, asked: Sequence[_Asked]) -> list[StudyReport | Refusal]:
        outcomes: dict[int, StudyReport | Refusal] = {}
        for writer in dict.fromkeys(one.writer for one in asked):
            places = [place for place, one in enumerate(asked) if one.writer is writer]
            outcomes |= zip(places, writer.write_many([asked[place].study for place in places]), strict=True)
        return [outcomes[place] for place in range(len(asked))]

    def writer_at(self, operating_point: str | None) -> StudyWriter:
        """Return the writer at an operating point as requests name it; see :class:`StudyUpload`.

        Raises:
            RefusedError: If the model has no such operating point.
        """
        if operating_point is None:
            return self.writer
        point = None if operating_point == NO_POINT else operating_point
        if point not in self._writers:
            try:
                self._writers[point] = self.writer.at(point)
            except OperatingPointError as error:
                raise RefusedError(422, "wrong_operating_point", str(error)) from None
        return self._writers[point]

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
        except RefusedError:
            raise
        except Exception:
            logger.exception("A study failed.")
            raise RefusedError(500, "failed", "The model failed. The server's log says more.") from None

    async def _report(self, study: StudyUpload) -> StudyReport:
        assert self._batcher is not None, "start() comes first"
        writer = self.writer_at(study.operating_point)
        begin = time.perf_counter()
        prior = study.prior
        own, before = study.images, prior.images if prior else ()
        images = await asyncio.gather(*map(self._decoded, (*own, *before)))
        decoded = time.perf_counter()
        self.metrics.stages.labels("decode").observe(decoded - begin)
        given = tuple(map(_given, (*own, *before), images))
        told = GivenPrior(given[len(own) :], prior.days, prior.report) if prior else None
        report = await self._batcher.ask(_Asked(Study(given[: len(own)], study.study_id, told), writer))
        end = time.perf_counter()
        self.metrics.stages.labels("write").observe(end - decoded)
        self._keep_numbers(study, report, end - begin)
        if isinstance(report, Refusal):
            raise of_study(report)
        for note in report.notes:
            self.metrics.notes.labels(note.code).inc()
        if self.shadow is not None and writer is self.writer:
            self.shadow.consider(study, report)
        return report

    def _keep_numbers(self, study: StudyUpload, report: StudyReport | Refusal, seconds: float) -> None:
        """Write to the log of numbers, if there is one; nobody waits for it."""
        if self.drift_log is None:
            return
        loop = asyncio.get_running_loop()
        if isinstance(report, Refusal):
            loop.run_in_executor(None, self.drift_log.add_refusal, datetime.now(UTC).isoformat())
            return
        if report.study_id == study.images[0].name:  # which says nothing about the study
            report = replace(report, study_id=hashlib.sha256(study.images[0].data).hexdigest())
        loop.run_in_executor(None, self.drift_log.add, report, seconds)

    async def _decoded(self, upload: Upload) -> DecodedUpload | UnreadableImageError:
        try:
            return await self.decoders.read(upload)
        except UnreadableImageError as error:
            return error


def _given(upload: Upload, read: DecodedUpload | UnreadableImageError) -> GivenImage:
    view = upload.view if upload.view in ("frontal", "lateral") else None
    if isinstance(read, UnreadableImageError):
        return GivenImage(read, upload.name, view)
    return GivenImage(read.radiograph, upload.name, view, read.tags)
