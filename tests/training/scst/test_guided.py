"""Sampled reports that are edited towards their reference: one sentence, where a finding is missed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from coherent_cxr.inference.decoding import word_ids
from coherent_cxr.models.generator import TargetReports
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.training.scst.guided import guide, overlap
from coherent_cxr.training.scst.train import fine_tune
from coherent_cxr.training.validation import ReportReader
from helpers.scst_runs import arguments, config, values
from helpers.training_corpus import LABELER

EFFUSION, NORMAL, LARGE = "there is a small effusion", "heart size is normal", "the heart is enlarged"
NO_EDEMA, NO_EFFUSION = "no edema", "there is no effusion today"
VOCABULARY = Vocabulary.from_reports(
    [[s.split() for s in (EFFUSION, NORMAL, LARGE, NO_EDEMA, NO_EFFUSION)]], 1
)
READER = ReportReader(VOCABULARY, LABELER)


def reports(*texts: tuple[str, ...]) -> TargetReports:
    words = torch.zeros(len(texts), max(map(len, texts)), 8, dtype=torch.long)
    for place, report in enumerate(texts):
        for row, sentence in enumerate(report):
            ids = [*VOCABULARY.encode(sentence.split()), Vocabulary.eos_id][:8]
            words[place, row, : len(ids)] = torch.tensor(ids)
    ends = torch.ones(len(texts), dtype=torch.bool)
    return TargetReports(words, torch.tensor([len(report) for report in texts]), ends)


def read(result: TargetReports) -> list[list[str]]:
    return [[" ".join(sentence) for sentence in report] for report in READER.texts(result)]


@pytest.mark.parametrize(
    ("sample", "reference", "edited"),
    [
        # of the sentences without a true finding the nearest in words goes
        ((NORMAL, NO_EFFUSION), (NORMAL, EFFUSION), (NORMAL, EFFUSION)),
        ((NO_EFFUSION, NORMAL), (EFFUSION,), (EFFUSION, NORMAL)),
        # what is found stays, also where another finding is missed
        ((EFFUSION, NORMAL), (LARGE, EFFUSION), (EFFUSION, LARGE)),
        ((EFFUSION,), (LARGE, EFFUSION), (EFFUSION,)),
        # only one sentence a report
        ((NORMAL, NO_EFFUSION), (LARGE, EFFUSION), (NORMAL, EFFUSION)),
        # nothing missed
        ((EFFUSION, NORMAL), (EFFUSION,), (EFFUSION, NORMAL)),
        ((NO_EDEMA,), (NORMAL, NO_EFFUSION), (NO_EDEMA,)),
    ],
)
def test_the_nearest_sentence_without_a_true_finding_is_replaced(
    sample: tuple[str, ...], reference: tuple[str, ...], edited: tuple[str, ...]
) -> None:
    result = guide(reports(sample), reports(reference), 1, 1.0, READER)
    assert read(result.reports) == [list(edited)]
    assert result.edited == (sample != edited)


def test_only_the_first_sample_of_the_first_images_is_edited() -> None:
    sampled = reports(*[(NORMAL,)] * 6)
    before = [tensor.clone() for tensor in sampled]
    result = guide(sampled, reports((EFFUSION,), (EFFUSION,), (EFFUSION,)), 2, 0.5, READER)
    assert read(result.reports) == [[EFFUSION], [NORMAL], [EFFUSION], [NORMAL], [NORMAL], [NORMAL]]
    assert result.edited == 2
    assert all(torch.equal(*pair) for pair in zip(sampled, before, strict=True))  # what was sampled stays


def test_a_longer_sentence_of_the_reference_fits() -> None:
    sampled = reports((NO_EDEMA,))
    short = TargetReports(sampled.words[..., :3], sampled.sentences, sampled.stopped)
    result = guide(short, reports((EFFUSION,)), 1, 1.0, READER)
    assert read(result.reports) == [[EFFUSION]]
    assert word_ids(result.reports)[0][0] == list(VOCABULARY.encode(EFFUSION.split()))
    assert Vocabulary.eos_id in result.reports.words[0, 0]


def test_overlap_by_hand() -> None:
    assert overlap(["a", "b", "b", "c"], ["b", "c", "d"]) == pytest.approx(2 * 2 / 6)
    assert overlap([], []) == 0


@pytest.mark.slow
def test_a_run_with_guided_samples_affirms_more_of_what_its_first_samples_missed(corpus, generator, tmp_path):
    settings = {
        "rewards": {"f_beta": {"weight": 1.0, "baseline": "leave_one_out"}},
        "epochs": 4,
        "batch_size": 18,
        "learning_rate": 1e-2,
    }

    def run(share: float) -> pd.DataFrame:
        chosen = config(tmp_path, guided={"share": share}, **settings)
        return fine_tune(chosen, *arguments(corpus, generator)).history

    plain, guided = run(0.0), run(1.0)
    assert not values(plain, "guided_reports").any()
    edited = values(guided, "guided_reports")
    assert edited[0] > 0
    assert np.mean(values(guided, "f_beta")) > np.mean(values(plain, "f_beta"))
