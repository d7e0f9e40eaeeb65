"""Distance, clipping and group advantages against closed forms on the policy that can be listed."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.models.generator import ReportGenerator, TargetReports
from coherent_cxr.models.likelihood import report_log_probability
from coherent_cxr.training.scst.decisions import Decisions, decisions_of
from coherent_cxr.training.scst.kl import KlConfig, KlController, k3
from coherent_cxr.training.scst.policy_gradient import ClipConfig, clipped_loss, policy_gradient_loss
from helpers.enumerable_policy import as_reports, every_report, gradient, reward, toy_estimator

CLIP = ClipConfig(low=0.8, high=1.28)


def listed(model: ReportGenerator, regions: torch.Tensor) -> tuple[TargetReports, Decisions, torch.Tensor]:
    """All reports, their decisions, and the probability of each report."""
    outcomes = every_report()
    decisions = decisions_of(model(regions.expand(len(outcomes.words), -1, -1), outcomes))
    return outcomes, decisions, decisions.per_report(len(outcomes.words)).exp()


def shifted(model: ReportGenerator, regions: torch.Tensor, size: float = 4.0) -> torch.Tensor:
    """log p of every decision under a policy a little elsewhere; the model is as before afterwards."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(7)
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(size * torch.randn_like(weights) * weights.abs().mean())
        found: torch.Tensor = listed(model, regions)[1].log_probability
    model.load_state_dict(before)
    return found


def test_decisions_make_up_the_probability_of_the_reports(toy):
    model, regions = toy
    outcomes, decisions, probability = listed(model, regions)
    many = regions.expand(len(outcomes.words), -1, -1)
    expected = report_log_probability(model(many, outcomes), len(many))
    torch.testing.assert_close(probability.log(), expected)
    first = decisions.of_first(6)  # reports of one sentence, of two words each, and one stop
    assert first.report.bincount().tolist() == [3] * 6


def test_k3_has_the_mean_of_the_divergence_of_whole_reports_and_is_never_negative(toy):
    model, regions = toy
    _, decisions, probability = listed(model, regions)
    before = shifted(model, regions)
    terms = k3(decisions.log_probability, before)
    assert (terms >= -1e-6).all()
    expected_k3 = (probability[decisions.report] * terms).sum()
    of_reports = Decisions(before, decisions.report).per_report(len(probability))
    exact = (probability * (probability.log() - of_reports)).sum()
    assert exact > 0.01
    torch.testing.assert_close(expected_k3, exact, rtol=1e-4, atol=1e-5)
    assert k3(before, before).abs().max() == 0


def test_the_gradient_of_k3_is_the_forward_divergence_at_each_decision(toy):
    # By hand for one decision between three words: E[d k3] = d KL(before || now) = now - before (in logits).
    logits = torch.tensor([0.3, -0.2, 1.0], requires_grad=True)
    before = torch.tensor([0.2, 0.5, 0.3])
    logs = torch.log_softmax(logits, 0)
    (logs.exp().detach() * k3(logs, before.log())).sum().backward()
    torch.testing.assert_close(logits.grad, torch.softmax(logits, 0).detach() - before)


def test_the_coefficient_is_steered_to_the_target_and_travels_as_json():
    fixed = KlController(KlConfig(coefficient=0.1, target=None))
    fixed.update(100.0)
    assert fixed.coefficient == 0.1
    steered = KlController(KlConfig(coefficient=0.1, target=2.0))
    steered.update(2.2)  # a tenth too far: + 1 %
    assert steered.coefficient == pytest.approx(0.101)
    steered.update(50.0)  # at most 2 % a step
    assert steered.coefficient == pytest.approx(0.101 * 1.02)
    steered.update(0.0)
    assert steered.coefficient == pytest.approx(0.101 * 1.02 * 0.98)
    again = KlController(KlConfig(coefficient=0.1, target=2.0))
    again.load_state_dict(json.loads(json.dumps(steered.state_dict())))
    assert again.coefficient == steered.coefficient
    with pytest.raises(ConfigurationError, match=r"kl.target' is 1.0; it must be null"):
        KlConfig(coefficient=0.0, target=1.0)


def test_clipping_by_hand():
    # Decisions of two reports; ratios 1.2, 1.4 and 0.5 with advantage 1, then 1.4, 0.7 and 0.9 with -2.
    ratio = torch.tensor([1.2, 1.4, 0.5, 1.4, 0.7, 0.9])
    then = torch.full((6,), -1.0)
    log_probability = (then + ratio.log()).requires_grad_()
    decisions = Decisions(log_probability, torch.tensor([0, 0, 0, 1, 1, 1]))
    found = clipped_loss(decisions, then, torch.tensor([1.0, -2.0]), CLIP)
    # min of free and held: 1.2, 1.28 (held), 0.5; -2.8 (free: the lower), -1.6 (held), -1.8
    assert found.loss.item() == pytest.approx(-(1.2 + 1.28 + 0.5 - 2.8 - 1.6 - 1.8) / 2)
    assert found.clip_ratio.item() == pytest.approx(2 / 6)
    found.loss.backward()
    # d ratio / d log p = ratio
    expected = -torch.tensor([1.2, 0, 0.5, -2.8, 0, -1.8]) / 2
    torch.testing.assert_close(log_probability.grad, expected)


def test_before_the_first_step_the_clipped_gradient_is_the_policy_gradient(toy):
    model, regions = toy
    outcomes, decisions, probability = listed(model, regions)
    advantage = probability.detach() * (reward(outcomes) - 0.2)
    exact = gradient(model, policy_gradient_loss(probability.log(), advantage))
    decisions = listed(model, regions)[1]
    clipped = clipped_loss(decisions, decisions.log_probability.detach(), advantage, CLIP)
    torch.testing.assert_close(gradient(model, clipped.loss), exact, rtol=1e-4, atol=1e-6)
    assert clipped.clip_ratio == 0


def test_the_expected_clipped_gradient_is_that_of_the_decisions_within_the_limits(toy):
    model, regions = toy
    then = shifted(model, regions)
    outcomes, decisions, _ = listed(model, regions)
    chance = Decisions(then, decisions.report).per_report(len(outcomes.words)).exp()
    advantage = chance * (reward(outcomes) - 0.2)
    clipped = clipped_loss(decisions, then, advantage, CLIP)
    assert 0 < clipped.clip_ratio < 1
    found = gradient(model, clipped.loss)
    # In closed form: sum of p_then(Z) A(Z) ratio d log p over the decisions that may still move.
    decisions = listed(model, regions)[1]
    ratio, earned = (decisions.log_probability.detach() - then).exp(), advantage[decisions.report]
    free = torch.where(earned > 0, ratio < CLIP.high, ratio > CLIP.low)
    exact = gradient(model, -(free * earned * ratio * decisions.log_probability).sum() / len(outcomes.words))
    torch.testing.assert_close(found, exact, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("scale", ["none", "std"])
def test_the_expected_gradient_of_groups_in_closed_form(toy, scale):
    model, regions = toy
    outcomes, _, probability = listed(model, regions)
    chance, rewards = probability.detach(), reward(outcomes)
    if scale == "none":  # (k - 1) / k of the gradient of the expected reward, k = 2
        exact = gradient(model, -(probability * rewards).sum() / 2)
    else:  # of two reports the better one has +1, the other one -1: how often a report wins
        won = (chance * (rewards[:, None] - rewards).sign()).sum(dim=1)
        exact = gradient(model, -(probability * won).sum())
    pairs = torch.cartesian_prod(*[torch.arange(len(rewards))] * 2)
    sampled = as_reports(TargetReports(*(part[pairs.flatten()] for part in outcomes)))
    references = as_reports(outcomes).of(np.zeros(len(pairs), dtype=np.int64))
    estimator = toy_estimator(outcomes, "group", 2, scale)
    advantage = torch.from_numpy(estimator.estimate(sampled, None, references).advantage)
    weighted = advantage * chance[pairs].prod(dim=1).repeat_interleave(2) * len(pairs)
    log_probability = listed(model, regions)[2].log()[pairs.flatten()]
    found = gradient(model, policy_gradient_loss(log_probability, weighted))
    torch.testing.assert_close(found, exact, rtol=2e-3, atol=2e-5)
