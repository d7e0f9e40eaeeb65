"""The challenger reads along: what differs is counted, and nobody waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from coherent_cxr.serving.report import Report
from coherent_cxr.serving.rest.requests.uploads import StudyUpload, Upload
from coherent_cxr.serving.rest.shadow.shadow import MOST_BYTES, MOST_WAITING, Shadow
from coherent_cxr.serving.study.study import GivenImage, Study
from coherent_cxr.serving.study_report import StudyReport
from helpers.dicom_files import RAMP_12_BIT, dataset, written
from helpers.rest_service import make_writer
from helpers.tiny_bundle import make_bundle

DICOM = written(dataset(RAMP_12_BIT))
PATIENCE = 240


def until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.05)


def count(registry: CollectorRegistry, name: str, **labels: str) -> float:
    return registry.get_sample_value(f"coherent_cxr_shadow_{name}_total", labels) or 0.0


def changed(report: StudyReport, finding: str, label: int) -> StudyReport:
    own = report.report
    values = {name: getattr(own, name) for name in Report.__dataclass_fields__}
    other = Report(**{**values, "labels": {**own.labels, finding: label}})
    whole = {name: getattr(report, name) for name in StudyReport.__dataclass_fields__}
    return StudyReport(**{**whole, "report": other})


@pytest.mark.slow
def test_disagreements_are_counted_by_finding_and_what_there_is_no_time_for_is_left_out(
    tmp_path: Path,
) -> None:
    make_bundle().save(tmp_path / "bundle")
    report = make_writer().write(Study((GivenImage(DICOM, "image"),)))
    asked = StudyUpload((Upload("image", DICOM),))
    registry = CollectorRegistry()
    shadow = Shadow(tmp_path / "bundle", None, registry)
    begin = time.monotonic()
    for _ in range(MOST_WAITING + 20):  # the process has not even started
        shadow.consider(asked, report)
    shadow.consider(StudyUpload((Upload("image", bytes(MOST_BYTES + 1)),)), report)
    assert time.monotonic() - begin < 0.5
    assert count(registry, "studies", outcome="left_out") >= 20
    until(lambda: count(registry, "studies", outcome="compared") >= MOST_WAITING)
    assert count(registry, "disagreements", finding="Edema") == 0
    before = count(registry, "studies", outcome="compared")
    shadow.consider(asked, changed(report, "Edema", 1))
    shadow.consider(StudyUpload((Upload("image", b"no image"),)), report)
    until(lambda: count(registry, "studies", outcome="failed") == 1)
    assert count(registry, "studies", outcome="compared") == before + 1
    assert count(registry, "disagreements", finding="Edema") == 1
    assert count(registry, "disagreements", finding="Pneumonia") == 0
    shadow.close()
