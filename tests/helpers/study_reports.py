"""Reports of studies as a model would write them, without any model."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.images.reading.notes import Note
from coherent_cxr.serving.report import Report, SentenceFinding
from coherent_cxr.serving.study_report import DicomReference, ModelIdentity, StudyImage, StudyReport

TEXT = "The heart is enlarged. There is a small left pleural effusion. No pneumothorax."
DIGEST = "ab" * 32
DX = "1.2.840.10008.5.1.4.1.1.1.1.1"


def reference(number: int, study: str = "1.2.826.0.1.77") -> DicomReference:
    return DicomReference(study, f"{study}.1", f"{study}.1.{number}", DX)


def make_study(*images: StudyImage, **changes: Any) -> StudyReport:
    """Return a study's report; ``changes`` go to the study or to its report, wherever the name is known."""
    labels: dict[str, int | None] = dict.fromkeys(OBSERVATIONS)
    labels |= {"Cardiomegaly": 1, "Pleural Effusion": 1, "Pneumothorax": 0, "Edema": -1}
    report = Report(
        text=TEXT,
        sentences=[f"{sentence}." for sentence in TEXT.rstrip(".").split(". ")],
        labels=labels,
        label_rules="corrected",
        taught_by_rules="corrected",
        notes=(Note("unlike_training", "The image is unlike those that this model was trained on."),),
        attention=[],
        image=np.arange(64, dtype=np.uint8).reshape(8, 8),
        system="full",
        operating_point="balanced",
        findings={name: name in ("Cardiomegaly", "Pleural Effusion") for name in OBSERVATIONS},
        probabilities={name: round(0.05 + 0.06 * place, 2) for place, name in enumerate(OBSERVATIONS)},
        sentence_findings=(
            SentenceFinding("Cardiomegaly", 0.17),
            SentenceFinding("Pleural Effusion", 0.65),
            SentenceFinding(None, None),
        ),
    )
    study = StudyReport(
        study_id="CXR1001",
        report=report,
        images=images or (StudyImage("a.dcm", "frontal", "tags", dicom=reference(1)),),
        uncertain=("Lung Opacity",),
        nearest=(),
        model=ModelIdentity("models:/coherent-cxr@champion", "3", DIGEST),
        created="2026-11-28T12:34:56+00:00",
    )
    fields = {field.name for field in dataclasses.fields(study)}
    of_study = {key: value for key, value in changes.items() if key in fields}
    of_report = {key: value for key, value in changes.items() if key not in of_study}
    return dataclasses.replace(study, report=dataclasses.replace(report, **of_report), **of_study)
