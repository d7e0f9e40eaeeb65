"""Wrong reports made from right ones, on sentences of every kind."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.chexpert.codes import label_codes
from coherent_cxr.evaluation.reward_lab import edits
from coherent_cxr.reports.text import detokenize

LABELER = CheXpertLabeler("corrected")


def label(reports):
    return label_codes(LABELER.label_many([detokenize(report) for report in reports]), OBSERVATIONS)


def report(text: str) -> list[list[str]]:
    return [sentence.split() for sentence in text.split(" . ")]


SICK = report("the heart is enlarged . there is no pneumothorax . small left pleural effusion")


@pytest.mark.parametrize(
    ("sentence", "became"),
    [
        ("there is no pneumothorax", "there is pneumothorax"),
        ("no focal consolidation", "focal consolidation"),
        ("lungs are clear without effusion", "lungs are clear with effusion"),
        ("the heart is not enlarged", "the heart is enlarged"),
        ("there is a small effusion", "there is no a small effusion"),
    ],
)
def test_a_denial_is_taken_away_or_put_in(sentence, became):
    assert became.split() in edits.flips(sentence.split())


def test_one_word_that_denies_is_never_flipped_to_nothing():
    assert edits.flips(["no"]) == []
    assert edits.flips(["the", "lungs", "are", "clear"]) == []


def test_a_flip_changes_what_the_labeller_reads_in_one_sentence():
    flipped = edits.with_a_flip(SICK, label)
    assert flipped is not None
    assert flipped == report("the heart is enlarged . there is pneumothorax . small left pleural effusion")
    assert edits.with_a_flip(report("there is no change . the lungs are clear"), label) is None


def test_a_finding_is_dropped_or_taken_for_another_and_a_healthy_report_has_none():
    assert edits.without_a_finding(SICK, label) == SICK[1:]
    sentences = {"Pleural Effusion": ["effusion"], "Fracture": ["rib", "fracture"]}
    near = edits.with_another_finding(SICK, label, sentences)
    assert near == [["rib", "fracture"], *SICK[1:]]  # an effusion is there already
    healthy = report("the lungs are clear . no pneumothorax")
    assert edits.without_a_finding(healthy, label) is None
    assert edits.with_another_finding(healthy, label, sentences) is None
    assert edits.without_a_finding([SICK[0]], label) is None  # nothing would be left
    assert edits.with_another_finding(SICK, label, {"Pleural Effusion": ["effusion"]}) is None


def test_halves_doubles_and_shuffled_words():
    assert edits.cut_to_half(SICK) == SICK[:1]
    assert edits.cut_to_half(SICK[:1]) is None
    assert edits.with_a_sentence_doubled(SICK) == [SICK[0], *SICK]
    mixed = edits.with_words_shuffled(SICK, np.random.default_rng(0))
    assert mixed != SICK
    assert [len(sentence) for sentence in mixed] == [4, 4, 4]
    assert sorted(chain(*mixed)) == sorted(chain(*SICK))


def test_the_most_frequent_sentence_that_affirms_one_finding_stands_for_it():
    training = [
        report("the heart is enlarged . no effusion"),
        report("cardiomegaly is present . cardiomegaly with edema"),
        report("cardiomegaly is present"),
    ]
    assert edits.affirming_sentences(training, label) == {"Cardiomegaly": ["cardiomegaly", "is", "present"]}
    assert edits.affirming_sentences([], label) == {}
