"""What a study gets that comes with the study before."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from coherent_cxr.inference.attention import attended_reports, image_features
from coherent_cxr.inference.decoding import decode, word_ids
from coherent_cxr.inference.samples import pad_reports
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.image_encoder.prior import PriorInput
from coherent_cxr.reports.repeats import without_repeats
from coherent_cxr.reports.text import tokenize_findings
from coherent_cxr.reports.word_attention import words_of
from coherent_cxr.serving.image import prepared
from coherent_cxr.serving.study.study import GivenImage, GivenPrior, Study, days_since_prior
from coherent_cxr.serving.study.writer import StudyWriter
from coherent_cxr.serving.study_report import ModelIdentity
from helpers.tiny_bundle import make_bundle

ENCODER = "small_cnn"
IDENTITY = ModelIdentity("a folder", None, "0" * 64)


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 100, (64, 64), dtype=np.uint8)


FRONTAL = noise(1)


@pytest.fixture(scope="module")
def writer() -> StudyWriter:
    return StudyWriter(make_bundle(encoder=ENCODER), IDENTITY)


def test_a_model_that_reads_priors_serves_a_study_without_one(tmp_path: Path) -> None:
    make_bundle(encoder=ENCODER, study_input="with_prior", sentence_feedback=True).save(tmp_path)
    served = StudyWriter(ModelBundle.load(tmp_path), IDENTITY)
    report = served.write(Study.of([FRONTAL], "S1")).report
    model = served.bundle.build()
    regions = model.encoder(image_features(model, prepared(FRONTAL, 64).pixels))
    (expected,) = word_ids(decode(model, regions).reports)
    words = [served.bundle.vocabulary.decode(sentence) for sentence in expected]
    assert words_of(report.attention) == without_repeats(words)


@pytest.fixture(scope="module", params=[False, True], ids=["images", "report too"])
def of_priors(request: pytest.FixtureRequest) -> StudyWriter:
    settings = {"study_input": "with_prior", "sentence_feedback": True, "prior_report": request.param}
    return StudyWriter(make_bundle(encoder=ENCODER, **settings), IDENTITY)


def test_a_prior_is_compared_with_the_study_alone_and_among_others(of_priors: StudyWriter) -> None:
    told = "Heart enlarged. No effusion."
    before = GivenPrior((GivenImage(noise(8)),), 30.2, told if of_priors.bundle.config.prior_report else "")
    studies = [Study.of([noise(9)], "S1"), Study((GivenImage(FRONTAL),), "S2", before)]
    model, vocabulary = of_priors.bundle.build(), of_priors.bundle.vocabulary
    own, earlier = (image_features(model, prepared(image, 64).pixels) for image in (FRONTAL, noise(8)))
    words = pad_reports([[vocabulary.encode(one) for one in tokenize_findings(told).tokens]], model.config)
    prior = PriorInput(earlier, torch.tensor([725 / 24]), words.words)
    (expected,) = attended_reports(model, vocabulary, own, 64, prior=prior)
    (absent,) = attended_reports(model, vocabulary, own, 64)
    for outcome in (list(of_priors.write_many(studies))[1], of_priors.write(studies[1])):
        shares = outcome.report.attention[0][0].regions
        np.testing.assert_allclose(shares, expected[0][0].regions, rtol=1e-4)
        assert not np.allclose(shares, absent[0][0].regions, rtol=1e-4)
        assert "prior" not in str([note.code for note in outcome.notes])


@pytest.mark.parametrize("days", [2.0, 400.0])
def test_the_interval_counts(of_priors: StudyWriter, days: float) -> None:
    studies = [Study.of([FRONTAL], "S1") for _ in range(2)]
    before = [GivenPrior((GivenImage(noise(8)),), given) for given in (days, 0.5)]
    with_prior = [dataclasses.replace(s, prior=own) for s, own in zip(studies, before, strict=True)]
    one, other = (outcome.report.attention[0][0].regions for outcome in of_priors.write_many(with_prior))
    assert not np.array_equal(one, other)


def test_a_prior_that_cannot_be_read_counts_as_absent_and_is_said(of_priors: StudyWriter) -> None:
    black = GivenPrior((GivenImage(np.zeros((64, 64), np.uint8), "old.png"),), 3)
    told = of_priors.write(Study((GivenImage(FRONTAL),), "S1", black))
    (note,) = [note for note in told.notes if note.code == "prior_unread"]
    assert note.level == "warning"
    assert note.detail.startswith("The study before could not be read")
    assert "old.png" in note.detail
    assert told.report.text == of_priors.write(Study.of([FRONTAL], "S1")).report.text


def test_a_model_that_reads_no_priors_says_so(writer: StudyWriter) -> None:
    before = GivenPrior((GivenImage(noise(8)),), 3, "Small effusion.")
    told = writer.write(Study((GivenImage(FRONTAL),), "S1", before))
    alone = writer.write(Study.of([FRONTAL], "S1"))
    assert [note.code for note in told.notes if note not in alone.notes] == ["prior_ignored"]
    assert told.report.text == alone.report.text


@pytest.mark.parametrize("given", ["soon", "", None, -1, "nan", "1e9", True])
def test_an_impossible_interval_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match=r"days_since_prior is .*; it must be a number of days from 0 to"):
        days_since_prior(given)
