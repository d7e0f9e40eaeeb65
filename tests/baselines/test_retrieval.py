"""Constant, 1-NN and Major class against brute force and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from pycocoevalcap.bleu.bleu import Bleu

from coherent_cxr.baselines.constant import Constant, bleu_as_constant
from coherent_cxr.baselines.major_class import MajorClass
from coherent_cxr.baselines.nearest import NearestNeighbour
from coherent_cxr.baselines.retrieval import TrainingImages

REPORTS = [
    [["the", "heart", "is", "normal"], ["no", "pleural", "effusion"]],
    [["the", "heart", "is", "enlarged"]],
    [["the", "heart", "is", "normal"], ["no", "pleural", "effusion", "or", "pneumothorax"]],
    [["the", "the", "the", "heart"]],
]


def test_bleu_as_constant_is_that_of_pycocoevalcap_for_every_candidate(capsys):
    texts = [" ".join(word for sentence in report for word in [*sentence, "."]) for report in REPORTS]
    ours = bleu_as_constant(texts)
    wanted = {n: [text] for n, text in enumerate(texts)}
    for text, value in zip(texts, ours, strict=True):
        expected = Bleu(4).compute_score(wanted, {n: [text] for n in wanted})[0][3]
        assert value == pytest.approx(expected, abs=1e-6)


def test_constant_answers_the_same_for_all_with_the_best_training_report():
    training = TrainingImages(REPORTS, np.zeros((4, 3), np.float32))
    chosen = Constant().choose(training, np.ones((5, 3), np.float32))
    assert len(set(chosen.tolist())) == 1
    assert chosen[0] in (0, 2)


def test_the_nearest_image_is_exact_in_any_batch(monkeypatch):
    dice = np.random.default_rng(0)
    known, asked = (dice.normal(size=(count, 16)).astype(np.float32) for count in (40, 23))
    cosine = asked @ known.T / np.outer(np.linalg.norm(asked, axis=1), np.linalg.norm(known, axis=1))
    training = TrainingImages([[["x"]]] * 40, known)
    assert NearestNeighbour().choose(training, asked).tolist() == cosine.argmax(axis=1).tolist()
    monkeypatch.setattr("coherent_cxr.baselines.nearest.BATCH", 4)
    assert NearestNeighbour().choose(training, asked).tolist() == cosine.argmax(axis=1).tolist()


def test_an_image_finds_itself_whatever_its_brightness_and_zeros_stop_nothing():
    known = np.array([[1, 0], [0, 2], [0, 0]], dtype=np.float32)
    training = TrainingImages([[["x"]]] * 3, known)
    assert NearestNeighbour().choose(training, np.array([[9, 0], [0, 0.1], [0, 0]], np.float32)).tolist() == [
        0,
        1,
        0,
    ]


def test_major_class_takes_the_most_frequent_outcome_of_each_label():
    training = np.full((5, 14), 2, dtype=np.int8)
    training[:3, 0] = 1
    training[:3, 1] = 0
    training[:2, 2] = -1
    guesses = MajorClass().guess(training, 7)
    assert guesses.shape == (7, 14)
    assert guesses[0, :4].tolist() == [1, 0, 2, 2]
    assert (guesses == guesses[0]).all()
