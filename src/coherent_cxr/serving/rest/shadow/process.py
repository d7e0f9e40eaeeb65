"""The process behind :mod:`.shadow`: reads studies from standard input, answers with labels alone."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coherent_cxr.images.reading.dicom.helper_process import answer_all

LOWER = 10
"""By how much its priority is lower than the service's."""


def challenger(
    folder: Path, operating_point: str | None
) -> Callable[[str, bytes], tuple[dict[str, Any], bytes]]:
    """Return what answers.

    Args:
        folder: Of the challenger's bundle.
        operating_point: Whose thresholds decide; None lets the generator decide.
    """
    import torch

    from coherent_cxr.models.bundle import ModelBundle
    from coherent_cxr.serving.study.study import GivenImage, Study
    from coherent_cxr.serving.study.writer import StudyWriter
    from coherent_cxr.serving.study_report import ModelIdentity, StudyReport

    torch.set_num_threads(1)
    identity = ModelIdentity("challenger", None, "")
    writer = StudyWriter(ModelBundle.load(folder), identity, operating_point=operating_point)

    def answer(head: str, data: bytes) -> tuple[dict[str, Any], bytes]:
        images, start = [], 0
        for view, length in json.loads(head):
            known = view if view in ("frontal", "lateral") else None
            images.append(GivenImage(data[start : start + length], "image", known))
            start += length
        (outcome,) = writer.write_many([Study(tuple(images))])
        return ({"labels": outcome.report.labels} if isinstance(outcome, StudyReport) else {}), b""

    return answer


if __name__ == "__main__":
    os.nice(LOWER)
    answer_all(challenger(Path(sys.argv[1]), sys.argv[2] or None))
