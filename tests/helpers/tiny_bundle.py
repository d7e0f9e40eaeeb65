"""A tiny generator with random weights: what it writes is nonsense, how it is served is not."""

from __future__ import annotations

import torch

from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.reports.vocabulary import Vocabulary
from helpers.settings import filled

ENCODER = "small_cnn"
WORDS = ["heart", "lungs", "clear", "effusion", "no", "pneumothorax", "is", ","]


def make_bundle(seed: int = 0, system: str = "full", **settings: object) -> ModelBundle:
    vocabulary = Vocabulary.from_dict(
        {
            "tokens": ["<pad>", "<bos>", "<eos>", "<unk>", *WORDS],
            "counts": {word: 9 - place for place, word in enumerate(WORDS)},
            "min_count": 1,
        }
    )
    sizes = {"size": 16, "attention_size": 8, "dropout": 0.0, "max_sentences": 3, "max_words": 5}
    config = filled(GeneratorConfig, **{"encoder": ENCODER, **sizes, **settings})
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        weights = ReportGenerator(config, len(vocabulary)).state_dict()
    return ModelBundle(config, vocabulary, 64, weights, {"system": system, "training_studies": 7})
