"""What a validation computes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.inference.features import feature_provider
from coherent_cxr.inference.samples import samples_of_split
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.rewards import CiderD
from coherent_cxr.training.validation import References, ReportReader, Validator, references_of
from helpers.training_corpus import LABELER

CPU = torch.device("cpu")


def test_validation_numbers_do_not_depend_on_the_batch(config, corpus, tmp_path):
    samples = samples_of_split(corpus.encoded_reports, corpus.store, "train", config.generator)
    references = references_of(samples, corpus.findings, corpus.labels)
    torch.manual_seed(0)
    model = ReportGenerator(config.generator, len(corpus.vocabulary))
    regions_of = feature_provider(model, corpus.store, "frozen", tmp_path, "fp32", CPU)
    reader = ReportReader(corpus.vocabulary, LABELER)
    numbers = [
        Validator(samples, references, reader, corpus.document_frequencies, regions_of, size).numbers(model)
        for size in (3, 100)
    ]
    assert numbers[0] == pytest.approx(numbers[1], rel=1e-4)
    assert {"perplexity", "cider", "macro_f1", "repeat_rate", "word_loss", "stop_loss"} <= set(numbers[0])
    assert numbers[0]["perplexity"] == pytest.approx(2.718281828 ** numbers[0]["word_loss"])


def test_validation_reads_reports_as_evaluation_does(config, corpus):
    """Repeated sentences are counted, then removed; labels are by the rules that labelled the references."""
    samples = samples_of_split(corpus.encoded_reports, corpus.store, "train", config.generator)
    some = dataclasses.replace(samples, study_ids=samples.study_ids[:1])
    enlarged = np.full((1, 14), 2, np.int8)
    enlarged[0, OBSERVATIONS.index("Cardiomegaly")] = 1
    wanted = "the heart is enlarged ."
    clear = ["lungs", "are", "clear"]
    normal = ["the", "heart", "size", "appears", "within", "normal", "limits"]
    found = {}
    for rules in ("corrected", "original"):
        reader = ReportReader(corpus.vocabulary, CheXpertLabeler(rules))
        cider = CiderD.from_corpus([wanted, "lungs are clear .", "no effusion ."])
        validator = Validator(some, References([wanted], enlarged), reader, cider, torch.from_numpy)
        found[rules] = validator.scores([[normal, clear, clear]])
        once = validator.scores([[normal, clear]])
        assert found[rules]["repeat_rate"] == pytest.approx(1 / 3)
        assert found[rules] | {"repeat_rate": 0.0} == once
    assert (found["original"]["macro_f1"], found["corrected"]["macro_f1"]) == (1, 0)
    assert (found["original"]["positive_calls"], found["corrected"]["positive_calls"]) == (1, 0)
