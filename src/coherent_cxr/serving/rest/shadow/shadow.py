"""Counts in how many studies, and for which findings, a challenger's labels differ from the champion's."""

from __future__ import annotations

import json
import logging
import queue
import sys
import threading
from pathlib import Path
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter

from coherent_cxr.images.reading.dicom.helper import HelperProcess
from coherent_cxr.serving.monitoring.drift_log import DriftLog
from coherent_cxr.serving.monitoring.shadow import label_agreements
from coherent_cxr.serving.rest.requests.uploads import StudyUpload, Upload
from coherent_cxr.serving.study_report import StudyReport

logger = logging.getLogger(__name__)

PROCESS = "coherent_cxr.serving.rest.shadow.process"
MOST_WAITING = 4
MOST_BYTES = 50_000_000
"""Of one study; larger ones are left out, so that what waits takes 200 MB at most."""


class _Seen(NamedTuple):
    images: tuple[Upload, ...]
    labels: dict[str, int | None]
    created: str


class ShadowLog(NamedTuple):
    """Where agreements are kept by day, beside the counters.

    Attributes:
        log: Of numbers.
        champion: Digest of the model that answers.
        challenger: Digest of the other.
    """

    log: DriftLog
    champion: str
    challenger: str


class Shadow:
    """Runs the challenger in a process of low priority; what it has no time for is left out.

    Neither its pixels nor its text are kept: only counts come back.

    Args:
        model: Folder of the challenger's bundle.
        operating_point: As of the champion.
        registry: Where the counts go.
        kept: Where they go as well.
    """

    def __init__(
        self,
        model: Path,
        operating_point: str | None,
        registry: CollectorRegistry,
        kept: ShadowLog | None = None,
    ) -> None:
        self._kept = kept
        self._command = (sys.executable, "-m", PROCESS, str(model), operating_point or "")
        self._waiting: queue.Queue[_Seen | None] = queue.Queue(MOST_WAITING)
        self.studies = Counter(
            "coherent_cxr_shadow_studies",
            "Studies by what became of them: compared, left_out or failed.",
            ("outcome",),
            registry=registry,
        )
        self.disagreements = Counter(
            "coherent_cxr_shadow_disagreements",
            "Studies in which the challenger's label of a finding differs from the champion's.",
            ("finding",),
            registry=registry,
        )
        self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)
        self._thread.start()

    def consider(self, study: StudyUpload, report: StudyReport) -> None:
        """Let the challenger read a study, if it has time; return at once.

        One with a prior, which its process is not given, is left out.
        """
        if study.prior is not None or sum(len(image.data) for image in study.images) > MOST_BYTES:
            self.studies.labels("left_out").inc()
            return
        try:
            self._waiting.put_nowait(_Seen(study.images, report.report.labels, report.created))
        except queue.Full:
            self.studies.labels("left_out").inc()

    def close(self) -> None:
        """End without waiting for what is left."""
        while True:
            try:
                self._waiting.put_nowait(None)
                return
            except queue.Full:
                self._waiting.get_nowait()

    def _work(self) -> None:
        helper: HelperProcess | None = HelperProcess(self._command)
        while (seen := self._waiting.get()) is not None:
            helper = helper or HelperProcess(self._command)
            head = json.dumps([[image.view, len(image.data)] for image in seen.images])
            try:
                told, _ = helper.ask(b"".join(image.data for image in seen.images), head)
            except (OSError, EOFError):
                helper = None
                told = {}
            if "labels" not in told:
                self.studies.labels("failed").inc()
                continue
            if self._kept is not None:
                found = label_agreements(seen.labels, told["labels"])
                self._kept.log.add_agreements(found, seen.created, self._kept.champion, self._kept.challenger)
            self.studies.labels("compared").inc()
            for finding, label in seen.labels.items():
                if told["labels"].get(finding) != label:
                    self.disagreements.labels(finding).inc()
