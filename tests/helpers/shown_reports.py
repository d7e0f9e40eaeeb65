"""Reports that no model wrote, to show on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.chexpert.shown import shown_labeler
from coherent_cxr.images.reading.notes import Note
from coherent_cxr.reports.text import detokenize
from coherent_cxr.reports.word_attention import WordAttention
from coherent_cxr.serving.generator import Report, SentenceFinding
from coherent_cxr.serving.study_report import ModelIdentity, StudyImage, StudyReport


@cache
def labeler() -> CheXpertLabeler:
    return shown_labeler()


def report_of(
    sentences: Sequence[Sequence[str]],
    token: str | None = None,
    probability: float | None = None,
    probabilities: Mapping[str, float] | None = None,
    called: Sequence[str] | None = None,
    notes: Sequence[Note] = (),
) -> Report:
    text = detokenize(sentences)
    cells = np.full((2, 2), 0.1, dtype=np.float32)
    attention = [[WordAttention(word, cells, 0.6) for word in sentence] for sentence in sentences]
    if token is not None:
        attention = [[WordAttention(token, cells, 0.6, True), *words] for words in attention]
    return Report(
        text=text,
        sentences=[detokenize([sentence]) for sentence in sentences],
        labels=labeler().label(text),
        label_rules="corrected",
        taught_by_rules="corrected",
        notes=tuple(notes),
        attention=attention,
        image=np.zeros((64, 64), dtype=np.uint8),
        system="none",
        operating_point=None if called is None else "balanced",
        findings=None if called is None else {name: name in called for name in OBSERVATIONS},
        probabilities=None
        if probabilities is None
        else dict.fromkeys(OBSERVATIONS, 0.0) | dict(probabilities),
        sentence_findings=tuple(SentenceFinding(token, probability) for _ in sentences),
    )


def study_of(report: Report, *images: StudyImage, uncertain: Sequence[str] = ()) -> StudyReport:
    model = ModelIdentity("models:/coherent-cxr@champion", "3", "ab" * 32)
    shown = images or (StudyImage("one.png", "frontal", "assumed"),)
    return StudyReport("study", report, shown, tuple(uncertain), (), model, "2026-11-28T20:00:00+00:00")
