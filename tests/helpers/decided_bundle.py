"""A tiny model that follows decisions; which findings it calls is set, whatever the image shows."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import torch

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.decider import FindingDecider
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.reports.finding_tokens import finding_tokens_of
from coherent_cxr.reports.vocabulary import Vocabulary
from helpers.settings import filled

ENCODER = "small_cnn"
WORDS = ["heart", "lungs", "effusion", "no", "pneumothorax", "is", "seen", "edema"]
ALWAYS = -1e9


def decided_bundle(calls: Mapping[str, Sequence[str]]) -> ModelBundle:
    """Return it with these calls by operating point."""
    findings = [name for name in OBSERVATIONS if name != "No Finding"]
    vocabulary = Vocabulary.from_counts(dict.fromkeys(WORDS, 5), 1, finding_tokens_of(findings))
    config = filled(
        GeneratorConfig,
        encoder=ENCODER,
        size=16,
        attention_size=8,
        dropout=0.0,
        max_sentences=6,
        max_words=5,
        sentence_feedback=True,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = ReportGenerator(config, len(vocabulary), finding_tokens=vocabulary.finding_token_ids)
    bundle = ModelBundle(config, vocabulary, 64, model.state_dict(), {"system": "full"})
    labels = len(OBSERVATIONS)
    decider = FindingDecider(
        weight=torch.zeros(labels, model.encoder.backbone.channels),
        bias=torch.zeros(labels),
        thresholds={
            point: torch.tensor([ALWAYS if name in called else math.inf for name in OBSERVATIONS])
            for point, called in calls.items()
        },
        slope=torch.full((labels,), 0.5),
        intercept=torch.full((labels,), -1.0),
    )
    return dataclasses.replace(bundle, decider=decider)
