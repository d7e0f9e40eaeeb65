from __future__ import annotations

import pandas as pd
import pytest
import torch

from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.inference.generation import GenerationConfig, Likely, generate_reports
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.reports.finding_tokens import finding_tokens_of
from coherent_cxr.reports.vocabulary import Vocabulary
from helpers.settings import filled
from helpers.training_corpus import ENCODER, SIDE, make_corpus

FINDINGS = ("Edema", "Fracture")


def test_evidence_for_a_finding_changes_the_report_of_its_own_study_alone(tmp_path):
    corpus = make_corpus(tmp_path / "corpus")
    vocabulary = Vocabulary.from_counts(dict.fromkeys("abcdefgh", 5), 1, finding_tokens_of(FINDINGS))
    torch.manual_seed(0)
    config = filled(
        GeneratorConfig, encoder=ENCODER, size=8, attention_size=4, max_words=4, sentence_feedback=True
    )
    model = ReportGenerator(config, len(vocabulary), finding_tokens=vocabulary.finding_token_ids)
    bundle = ModelBundle(config, vocabulary, SIDE, model.state_dict())
    studies = ["s00", "s01"]
    # both findings are as likely as usual, but for the second study's fracture
    likely = Likely(
        pd.DataFrame({"study_id": ["s01", "s00"], "Edema": [0.1, 0.1], "Fracture": [0.999, 0.2]}),
        {"Edema": 0.1, "Fracture": 0.2},
    )
    alone = generate_reports(
        bundle, corpus.store, studies, filled(GenerationConfig, precision="fp32"), None, None
    )["tokens"]
    for weight, changed in ((0.0, [False, False]), (9.0, [False, True])):
        settings = filled(GenerationConfig, precision="fp32", evidence_weight=weight)
        written = generate_reports(bundle, corpus.store, studies, settings, likely, None)["tokens"]
        assert [a != b for a, b in zip(written, alone, strict=True)] == changed


def test_evidence_is_not_turned_around():
    with pytest.raises(ConfigurationError, match=r"evidence_weight.*at least 0"):
        filled(GenerationConfig, evidence_weight=-1.0)
