"""A tiny generator with random weights, and reports for it."""

from __future__ import annotations

import pytest
import torch

from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.generator import ReportGenerator, TargetReports
from helpers.settings import filled
from helpers.training_corpus import ENCODER

WORDS = 20  # vocabulary size, the four marks included


@pytest.fixture(params=[False, True], ids=["paper", "feedback"])
def config(request: pytest.FixtureRequest) -> GeneratorConfig:
    sizes = {"size": 16, "attention_size": 8, "dropout": 0.0, "max_sentences": 4, "max_words": 6}
    return filled(GeneratorConfig, encoder=ENCODER, sentence_feedback=request.param, **sizes)


@pytest.fixture
def model(config: GeneratorConfig) -> ReportGenerator:
    torch.manual_seed(0)
    return ReportGenerator(config, WORDS).eval()


@pytest.fixture
def regions(config: GeneratorConfig) -> torch.Tensor:
    return torch.randn(3, 5, config.size, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def reports() -> TargetReports:
    # ids: 0 padding, 1 start, 2 end, 3 unknown
    words = torch.tensor(
        [
            [[4, 5, 2, 0], [6, 2, 0, 0], [7, 8, 9, 2]],
            [[10, 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
            [[11, 3, 12, 2], [13, 14, 2, 0], [0, 0, 0, 0]],
        ]
    )
    return TargetReports(words, torch.tensor([3, 1, 2]), torch.tensor([True, True, False]))


def make_generator(corpus, **changes) -> ModelBundle:
    sizes = {
        "encoder": ENCODER,
        "size": 16,
        "attention_size": 8,
        "dropout": 0.2,
        "max_sentences": 3,
        "max_words": 6,
    }
    config = filled(GeneratorConfig, **{**sizes, **changes})
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = ReportGenerator(config, len(corpus.vocabulary))
    model.encoder.backbone.load_state_dict(corpus.encoder.backbone_state())
    return ModelBundle(config, corpus.vocabulary, corpus.store.size, model.state_dict(), {"system": "mle"})
