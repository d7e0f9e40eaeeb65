"""The sampled gradient against the exact one, on a generator whose reports can all be listed."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch

from coherent_cxr.inference.decoding import decode
from coherent_cxr.inference.sentence_decoding import SamplingConfig
from coherent_cxr.models.generator import TargetReports
from coherent_cxr.models.likelihood import report_log_probability
from coherent_cxr.training.scst.policy_gradient import (
    as_sampled,
    policy_gradient_loss,
    word_entropy,
)
from helpers.enumerable_policy import as_reports, every_report, gradient, reward, toy_estimator


@pytest.mark.parametrize(
    ("baseline", "samples"),
    [("none", 1), ("greedy", 1), ("moving_average", 1), ("leave_one_out", 2), ("greedy", 2)],
)
@pytest.mark.slow
def test_the_expected_gradient_is_that_of_the_expected_reward_with_every_baseline(toy, baseline, samples):
    model, regions = toy
    outcomes = every_report()
    many = regions.expand(len(outcomes.words), -1, -1)
    probability = report_log_probability(model(many, outcomes), len(many)).exp()
    assert probability.sum().item() == pytest.approx(1, abs=1e-5)
    exact = gradient(model, -(probability * reward(outcomes)).sum())

    # Every draw of `samples` reports, each weighted by its probability.
    draws = torch.cartesian_prod(*[torch.arange(len(many))] * samples).view(-1, samples)
    chance = probability.detach()[draws].prod(dim=1)
    sampled = as_reports(TargetReports(*(part[draws.flatten()] for part in outcomes)))
    greedy = as_reports(outcomes).of(np.full(len(draws), 17))
    references = as_reports(outcomes).of(np.zeros(len(draws), dtype=np.int64))
    advantage = toy_estimator(outcomes, baseline, samples).estimate(sampled, greedy, references).advantage
    log_probability = report_log_probability(model(many, outcomes), len(many))[draws.flatten()]
    weighted = torch.from_numpy(advantage) * chance.repeat_interleave(samples) * len(draws)
    expected = gradient(model, policy_gradient_loss(log_probability, weighted))
    torch.testing.assert_close(expected, exact, rtol=1e-3, atol=1e-5)
    assert model.sentence_decoder.stop.weight.grad.abs().sum() > 0


def test_a_good_baseline_quiets_the_gradient(toy):
    model, regions = toy
    drawn = regions.expand(64, -1, -1)
    spread = {}
    for baseline in ("none", "leave_one_out"):
        gradients = []
        for seed in range(12):
            sampled = decode(model, drawn, "sample", torch.Generator().manual_seed(seed)).reports
            reports = as_reports(sampled)
            judged = toy_estimator(sampled, baseline, 64).estimate(reports, None, reports.of(np.array([0])))
            log_probability = report_log_probability(model(drawn, sampled), 64)
            advantage = torch.from_numpy(judged.advantage) + (3.0 if baseline == "none" else 0.0)
            gradients.append(gradient(model, policy_gradient_loss(log_probability, advantage)))
        spread[baseline] = torch.stack(gradients).std(dim=0).norm()
    assert spread["leave_one_out"] < 0.5 * spread["none"]


@pytest.mark.parametrize(
    "sampling",
    [
        SamplingConfig(True, temperature=0.6),
        SamplingConfig(True, top_k=2),
        SamplingConfig(True, top_p=0.6),
        SamplingConfig(True, temperature=2.0),
    ],
    ids=["temperature", "top_k", "top_p", "hot"],
)
@pytest.mark.slow
def test_reports_are_scored_with_the_probability_they_were_drawn_with(toy, sampling):
    model, regions = toy
    drawn = regions.expand(40_000, -1, -1)
    limits = {"temperature": sampling.temperature, "top_k": sampling.top_k, "top_p": sampling.top_p}
    sampled = decode(model, drawn, "sample", torch.Generator().manual_seed(5), **limits).reports
    texts = as_reports(sampled).texts
    first = {text: place for place, text in reversed(list(enumerate(texts)))}
    chosen = torch.tensor(list(first.values()))
    different = TargetReports(*(part[chosen] for part in sampled))
    scored = as_sampled(model(drawn[: len(chosen)], different), sampling)
    probability = report_log_probability(scored, len(chosen)).exp().detach()
    assert probability.sum().item() == pytest.approx(1, abs=2e-3)
    counts = Counter(texts)
    frequency = torch.tensor([counts[text] / len(texts) for text in first])
    torch.testing.assert_close(frequency, probability, rtol=0, atol=0.01)


def test_a_word_at_the_edge_of_top_k_keeps_its_probability(toy):
    model, regions = toy
    outcomes = every_report()
    scored = model(regions.expand(len(outcomes.words), -1, -1), outcomes)
    narrow = as_sampled(scored, SamplingConfig(True, top_k=1))
    assert torch.isfinite(report_log_probability(narrow, len(outcomes.words))).all()
    assert as_sampled(scored, SamplingConfig(True)) is scored


def test_entropy_of_an_untrained_and_of_a_certain_generator(toy):
    model, regions = toy
    outcomes = every_report()
    scored = model(regions.expand(len(outcomes.words), -1, -1), outcomes)
    # two possible first words, then three with the end of the sentence
    assert 0.5 < word_entropy(scored).item() < math.log(3)
    certain = scored._replace(word_logits=torch.where(scored.word_logits > -50, 0.0, scored.word_logits))
    begins = scored.packing.begins.float().mean().item()
    expected = begins * math.log(2) + (1 - begins) * math.log(3)
    assert word_entropy(certain).item() == pytest.approx(expected, abs=1e-5)


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
