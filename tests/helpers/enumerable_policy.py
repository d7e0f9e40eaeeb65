"""A generator whose reports can all be listed, so that expected gradients are sums."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.generator import ReportGenerator, TargetReports
from coherent_cxr.rewards import Reports, Reward, WeightedReward
from coherent_cxr.training.scst.advantage import AdvantageEstimator
from coherent_cxr.training.scst.policy_gradient import without_dropout
from helpers.settings import filled
from helpers.training_corpus import ENCODER

SENTENCES = [(4, 2), (5, 2), (4, 4), (4, 5), (5, 4), (5, 5)]  # two words; the last four were cut


def every_report() -> TargetReports:
    outcomes = [((s,), True) for s in SENTENCES]
    outcomes += [(pair, stop) for pair in itertools.product(SENTENCES, repeat=2) for stop in (True, False)]
    words = torch.zeros(len(outcomes), 2, 2, dtype=torch.long)
    for i, (report, _) in enumerate(outcomes):
        words[i, : len(report)] = torch.tensor(report)
    return TargetReports(
        words, torch.tensor([len(r) for r, _ in outcomes]), torch.tensor([stop for _, stop in outcomes])
    )


def reward(reports: TargetReports) -> torch.Tensor:
    """Likes word 4 and short reports, so both the words and the stop signal must learn."""
    return (reports.words == 4).sum((1, 2)) - 0.7 * reports.sentences


def gradient(model: ReportGenerator, loss: torch.Tensor) -> torch.Tensor:
    model.zero_grad()
    loss.backward()
    parts = [
        p.grad.flatten() for n, p in model.named_parameters() if p.grad is not None and "backbone" not in n
    ]
    return torch.cat(parts).clone()


@pytest.fixture
def toy() -> tuple[ReportGenerator, torch.Tensor]:
    torch.manual_seed(3)
    config = filled(
        GeneratorConfig, encoder=ENCODER, size=8, attention_size=4, dropout=0.5, max_sentences=2, max_words=2
    )
    model = ReportGenerator(config, 6)
    without_dropout(model)
    return model, torch.randn(1, 3, 8, generator=torch.Generator().manual_seed(0))


def as_reports(outcomes: TargetReports) -> Reports:
    """Write every outcome as a text that says all of it, for rewards that read texts."""
    texts = [
        f"{words} {count} {bool(stopped)}"
        for words, count, stopped in zip(
            outcomes.words.tolist(), outcomes.sentences, outcomes.stopped, strict=True
        )
    ]
    return Reports(texts, np.zeros((len(texts), 14), dtype=np.int8))


def toy_estimator(
    outcomes: TargetReports, baseline: str, samples: int, group_scale: str = "std"
) -> AdvantageEstimator:
    """Advantages by the toy's reward in two terms, word 4 and length, of which the second weighs double."""
    words = dict(zip(as_reports(outcomes).texts, (outcomes.words == 4).sum((1, 2)).tolist(), strict=True))
    lengths = dict(zip(as_reports(outcomes).texts, outcomes.sentences.tolist(), strict=True))

    def look_up(candidates: Reports, references: Reports) -> np.ndarray:
        return np.array([[words[text], -0.35 * lengths[text]] for text in candidates.texts])

    both = Reward(("words", "length"), look_up)
    second = Reward(("length",), lambda c, r: look_up(c, r)[:, 1:])
    estimator = AdvantageEstimator(
        [WeightedReward("both", 1.0, baseline, both), WeightedReward("more", 1.0, baseline, second)],
        0.9,
        samples,
        group_scale,
    )
    if baseline == "moving_average":  # something it has seen before
        estimator.update({"both": 1.2, "both/words": 1.5, "both/length": -0.3, "more": 0.4})
    return estimator
