"""A results page of three systems, with a hostile text in every place that shows one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.chexpert.shown import shown_labeler
from coherent_cxr.evaluation.attention.maps import attended_mentions
from coherent_cxr.evaluation.attention.negation import attention_by_status
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.report.page import (
    Attended,
    Background,
    Champion,
    EncoderQuality,
    Judged,
    results_page,
)
from coherent_cxr.evaluation.scoring import comparisons_table, metrics_table
from coherent_cxr.reports.word_attention import WordAttention
from helpers.settings import filled

HOSTILE = '<script>alert("x")</script> & <img src="http://elsewhere/x.png">'


def attended_report(sentences):
    dice = np.random.default_rng(0)
    return [
        [
            WordAttention(word, dice.random((2, 2)).astype(np.float32), float(dice.random()))
            for word in sentence
        ]
        for sentence in sentences
    ]


ENCODER = EncoderQuality(
    pd.DataFrame(
        {
            "split": ["validation", "test", "test"],
            "observation": ["Edema", "Edema", "mean"],
            "studies": 60,
            "positives": [12, 11, 0],
            "auroc": [0.9, 0.8125, 0.75],
            "low": [0.8, 0.7, 0.6],
            "high": [1.0, 0.9, 0.9],
        }
    ),
    pd.DataFrame({"split": ["test"], "predicted": [0.2], "observed": [0.25], "decisions": [60]}),
    pd.DataFrame(
        {
            "operating_point": ["balanced", "sensitive"],
            "observation": "Edema",
            "called": [4, 0],
            "precision": [0.5, np.nan],
            "recall": [0.4, 0.0],
            "expected_precision": [0.6, np.nan],
            "expected_recall": [0.5, 0.0],
            "validation_positives": 5,
        }
    ),
)


@pytest.fixture(scope="module")
def judged(scores, outputs, references, findings) -> Judged:
    texts = findings["text"].tolist()
    references_shown = [HOSTILE, *texts[1 : len(references.study_ids)]]
    return Judged(
        filled(EvaluationConfig, resamples=200, samples=6),
        shown_labeler(),
        metrics_table(scores),
        comparisons_table(scores),
        references.study_ids,
        references_shown,
        references.codes,
        {"others": texts[60:120], "perfect": texts[:60]},
        {output.name: output.codes["corrected"] for output in outputs},
        notices=("Drawn by a program.", HOSTILE),
    )


@pytest.fixture(scope="module")
def background(judged, scores) -> Background:
    labeler = CheXpertLabeler()
    report = attended_report([["the", "heart", "is", "enlarged"], ["no", "pleural", "effusion", ",", "seen"]])
    mentions = attended_mentions(labeler, [report] * 20)
    history = pd.DataFrame(
        {
            "step": [1, 2],
            "epoch": [0.5, 1.0],
            "split": "validation",
            "metric": "macro_f1",
            "value": [0.1, 0.2],
        }
    )
    return Background(
        images=[np.full((64, 64), 40 + n, np.uint8) for n in range(len(judged.study_ids))],
        main_system="others",
        champion=Champion("perfect", "the highest macro-F1"),
        provenance=[("made", "2026-11-28"), ("test studies", "60")],
        views=["frontal"] * len(judged.study_ids),
        compared=frozenset({"silent"}),
        attended=Attended(
            "others",
            {0: report},
            mentions,
            attention_by_status(mentions, [f"P{n}" for n in range(20)], 100, 0),
            "corrected",
        ),
        histories={"mle": history},
        counts=[("studies parsed", 120)],
        exclusions=pd.DataFrame({"stage": ["parsing"], "reason": [HOSTILE], "count": [3]}),
        labels=pd.DataFrame({"test positive": range(14)}, index=list(OBSERVATIONS)),
        model=[("system", "others")],
        encoder=ENCODER,
        consensus=pd.DataFrame(
            {"system": HOSTILE, "samples": [0, 8], "metric": "BLEU-4", "value": [0.125, np.nan]}
        ),
        finding_tokens=pd.DataFrame(
            {
                "system": ["training references", "others"],
                "observation": "all findings",
                "sentences": [200, 40],
                "agreeing": [197, 39],
                "share": [0.985, 0.975],
            }
        ),
        sections=metrics_table(scores).assign(section="impression"),
    )


@pytest.fixture(scope="module")
def page(judged, background) -> str:
    return results_page(judged, background)
