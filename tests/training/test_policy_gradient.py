"""The sampled gradient against the exact one, on a generator whose reports can all be listed."""

from __future__ import annotations

import itertools

import pytest
import torch

from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.decoding import decode
from coherent_cxr.models.generator import ReportGenerator, TargetReports
from coherent_cxr.models.likelihood import report_log_probability
from coherent_cxr.training.rl import policy_gradient_loss, without_dropout

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
    parts = [p.grad.flatten() for n, p in model.named_parameters() if p.grad is not None and "backbone" not in n]
    return torch.cat(parts).clone()


@pytest.fixture()
def toy() -> tuple[ReportGenerator, torch.Tensor]:
    torch.manual_seed(3)
    config = GeneratorConfig(size=8, attention_size=4, dropout=0.5, max_sentences=2, max_words=2)
    model = ReportGenerator(config, 6)
    without_dropout(model)
    return model, torch.randn(1, 3, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("baseline", [0.0, 1.5])
def test_the_expected_gradient_is_that_of_the_expected_reward_whatever_the_baseline(toy, baseline):
    model, regions = toy
    outcomes = every_report()
    many = regions.expand(len(outcomes.words), -1, -1)
    probability = report_log_probability(model(many, outcomes), len(many)).exp()
    exact = gradient(model, -(probability * reward(outcomes)).sum())
    # The expectation of the sampled loss, each outcome weighted by its probability.
    log_probability = report_log_probability(model(many, outcomes), len(many))
    advantage = (reward(outcomes) - baseline) * probability.detach() * len(many)
    expected = gradient(model, policy_gradient_loss(log_probability, advantage))
    torch.testing.assert_close(expected, exact, rtol=1e-3, atol=1e-6)


def test_the_sampled_gradient_approaches_the_exact_one(toy):
    model, regions = toy
    outcomes = every_report()
    many = regions.expand(len(outcomes.words), -1, -1)
    probability = report_log_probability(model(many, outcomes), len(many)).exp()
    mean_reward = (probability * reward(outcomes)).sum().detach()
    exact = gradient(model, -(probability * reward(outcomes)).sum())
    drawn = regions.expand(40_000, -1, -1)
    sampled = decode(model, drawn, "sample", torch.Generator().manual_seed(1)).reports
    log_probability = report_log_probability(model(drawn, sampled), len(drawn))
    estimate = gradient(model, policy_gradient_loss(log_probability, reward(sampled) - mean_reward))
    cosine = torch.nn.functional.cosine_similarity(estimate, exact, dim=0)
    assert cosine > 0.99
    assert abs(estimate.norm() / exact.norm() - 1) < 0.1


def test_the_stop_signal_gets_a_gradient(toy):
    model, regions = toy
    sampled = decode(model, regions.expand(64, -1, -1), "sample", torch.Generator().manual_seed(0)).reports
    log_probability = report_log_probability(model(regions.expand(64, -1, -1), sampled), 64)
    gradient(model, policy_gradient_loss(log_probability, reward(sampled)))
    assert model.sentence_decoder.stop.weight.grad.abs().sum() > 0
