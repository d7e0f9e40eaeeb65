"""The one writer behind every door: studies in, reports out, or a sentence that says why not."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.finite import NonFiniteError
from coherent_cxr.inputs.quoting import quote
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.runtime.cores import usable_cores
from coherent_cxr.serving.generator import ReportWriter
from coherent_cxr.serving.report import Report
from coherent_cxr.serving.study.generation import Generated
from coherent_cxr.serving.study.reading import read_image
from coherent_cxr.serving.study.selection import Abilities, Selected, read_prior, select
from coherent_cxr.serving.study.study import Refusal, RefusedStudyError, Study
from coherent_cxr.serving.study_report import ModelIdentity, NearestStudy, StudyReport

logger = logging.getLogger(__name__)

FAILED = "failed"
"""Reason of a refusal for which the model or the machine is to blame."""
MOST_IMAGES = 64
"""Most images of one study; examinations of the chest have a handful."""


class _Read(NamedTuple):
    study_id: str
    selected: Selected


class StudyWriter:
    """Writes reports of studies with one model.

    It may be used by several threads at the same time.

    Args:
        bundle: The model.
        identity: What reports call it.
        remove_repeats: Drop a sentence that stands earlier in the same report, as evaluation does.
        operating_point: Let the label classifier decide by these thresholds what reports affirm, for example
            ``balanced``; None lets the generator decide alone.
        batch_size: Images whose reports are written together; more of them share the decoder's steps.

    Raises:
        OperatingPointError: If the model cannot follow decisions, or has no such operating point.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        identity: ModelIdentity,
        remove_repeats: bool = True,
        operating_point: str | None = None,
        batch_size: int = 256,
    ) -> None:
        _require_point(bundle, operating_point)
        self.bundle = bundle
        self.identity = identity
        self.batch_size = batch_size
        self.operating_point = operating_point
        self._writer = ReportWriter(bundle, remove_repeats, operating_point)
        self._abilities = Abilities.of(bundle)

    @property
    def size(self) -> int:
        """Side of the square that the model reads, in pixels."""
        return self.bundle.image_size

    @property
    def label_rules(self) -> str:
        """Rule set of the labels of its reports."""
        return self._writer.labeler.name

    def at(self, operating_point: str | None) -> StudyWriter:
        """Return a writer at another operating point; both use the same model, which is built once.

        Raises:
            OperatingPointError: If the model cannot follow decisions, or has no such operating point.
        """
        _require_point(self.bundle, operating_point)
        _ = self._readers
        other, other._writer = copy(self), copy(self._writer)
        other.operating_point = other._writer.operating_point = operating_point
        other._writer.generator = self._writer.generator.at(operating_point)
        return other

    @cached_property
    def _readers(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(usable_cores(), "study-reader")

    def write(self, study: Study) -> StudyReport:
        """Write the report of one study.

        Raises:
            RefusedStudyError: If it gets none; the message says why.
        """
        outcome = next(self.write_many([study]))
        if isinstance(outcome, Refusal):
            raise RefusedStudyError(outcome)
        return outcome

    def write_many(self, studies: Iterable[Study]) -> Iterator[StudyReport | Refusal]:
        """Write reports of studies, a batch at a time, while the next ones are read.

        Args:
            studies: Taken as they are needed.

        Yields:
            A report of each study, or why it gets none, in the same order. Of a study alone or among others
            they are the same, but for rounding of probabilities and attention in the last digits.
        """
        batch: list[_Read | Refusal] = []
        waiting = 0
        for read in self._read_ahead(studies):
            batch.append(read)
            waiting += _images(read)
            if waiting >= self.batch_size:
                yield from self._finished(batch)
                batch, waiting = [], 0
        yield from self._finished(batch)

    def _read_ahead(self, studies: Iterable[Study]) -> Iterator[_Read | Refusal]:
        under_way: deque[Future[_Read | Refusal]] = deque()
        try:
            for study in studies:
                under_way.append(self._readers.submit(self._read, study))
                if len(under_way) > 2 * self.batch_size:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()

    def _read(self, study: Study) -> _Read | Refusal:
        study_id = study.study_id or ""
        try:
            count = max(len(study.images), len(study.prior.images) if study.prior else 0)
            if count > MOST_IMAGES:
                held = f"The study {quote(study_id)} or its prior holds {count:,} images"
                detail = f"{held}; at most {MOST_IMAGES} are read."
                return Refusal(study_id, "too_many_images", detail)
            size, checks = self.bundle.image_size, self.bundle.image_checks
            images = [read_image(given, at, size, checks) for at, given in enumerate(study.images)]
            if not study_id:
                uids = [image.identifiers.study_uid for image in images if image.identifiers is not None]
                study_id = next(filter(None, uids), images[0].name if images else "")
            chosen = select(study_id, images, self._abilities)
            prior = read_prior(study.prior, size, self._abilities)
        except Exception as error:  # one study never fails the others
            return _failed(study_id, error)
        if isinstance(chosen, Refusal):
            return chosen
        with_prior = chosen.study._replace(prior=prior.prepared)
        return _Read(study_id, chosen._replace(study=with_prior, notes=(*chosen.notes, *prior.notes)))

    def _finished(self, batch: Sequence[_Read | Refusal]) -> Iterator[StudyReport | Refusal]:
        generated = self._generated([read for read in batch if isinstance(read, _Read)])
        outcomes = iter(generated)
        nearest = iter(self._nearest([made.feature for made in generated if isinstance(made, Generated)]))
        for read in batch:
            if isinstance(read, Refusal):
                yield read
                continue
            outcome = next(outcomes)
            yield outcome if isinstance(outcome, Refusal) else self._report(read, outcome, next(nearest))

    def _generated(self, batch: Sequence[_Read]) -> list[Generated | Refusal]:
        if not batch:
            return []
        try:
            return list(self._writer.generator.generate([read.selected.study for read in batch]))
        except Exception as error:  # one study never fails the others
            if len(batch) == 1:
                return [_failed(batch[0].study_id, error)]
            return [outcome for read in batch for outcome in self._generated([read])]

    def _report(self, read: _Read, generated: Generated, nearest: tuple[NearestStudy, ...]) -> StudyReport:
        report = generated.report
        return StudyReport(
            study_id=read.study_id,
            report=replace(report, notes=(*read.selected.notes, *report.notes)),
            images=read.selected.images,
            uncertain=self._uncertain(report),
            nearest=nearest,
            model=self.identity,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _uncertain(self, report: Report) -> tuple[str, ...]:
        decider = self.bundle.decider
        if decider is None or report.probabilities is None:
            return ()
        return decider.uncertain(report.probabilities, self.operating_point)

    def _nearest(self, features: Sequence[NDArray[np.float32]]) -> list[tuple[NearestStudy, ...]]:
        known = self.bundle.training_studies
        if known is None or not features:
            return [()] * len(features)
        return [tuple(NearestStudy(*near) for near in own) for own in known.nearest(np.stack(features))]


def _require_point(bundle: ModelBundle, operating_point: str | None) -> None:
    if operating_point is not None and bundle.decider is not None:
        bundle.decider.limits_of(operating_point)


def _images(read: _Read | Refusal) -> int:
    if isinstance(read, Refusal):
        return 0
    return len(read.selected.study.read) + len(read.selected.study.scored)


def _failed(study_id: str, error: Exception) -> Refusal:
    if isinstance(error, NonFiniteError):
        return Refusal(study_id, "not_finite", f"The study {quote(study_id)} gets no report. {error}")
    logger.error("A study failed.", exc_info=error)
    detail = f"The study {quote(study_id)} gets no report: the model failed. The log says more."
    return Refusal(study_id, FAILED, detail)
