"""Preferring the reference: the loss by its closed form, when it is taken, and a run that resumes with it."""

from __future__ import annotations

import json
import math

import pytest
import torch

from coherent_cxr.training.scst.preference import PreferenceConfig, PreferenceWatch, preference_loss
from coherent_cxr.training.scst.train import fine_tune
from helpers.scst_runs import arguments, config, values


def test_the_loss_by_its_closed_form() -> None:
    now, other = torch.tensor([-3.0, -2.0]).requires_grad_(), torch.tensor([-4.0, -1.0]).requires_grad_()
    loss = preference_loss(now, other, torch.tensor([-5.0, -2.0]), torch.tensor([-4.0, -3.0]), 0.5)
    margins = [0.5 * (2 - 0), 0.5 * (0 - 2)]
    assert loss.item() == pytest.approx(sum(math.log(1 + math.exp(-m)) for m in margins) / 2)
    loss.backward()
    slopes = [-0.5 / (1 + math.exp(m)) / 2 for m in margins]
    assert now.grad is not None
    assert other.grad is not None
    assert now.grad.tolist() == pytest.approx(slopes)
    assert other.grad.tolist() == pytest.approx([-slope for slope in slopes])


def test_steps_have_it_while_the_moving_share_is_above_the_limit() -> None:
    watch = PreferenceWatch(PreferenceConfig(weight=1.0, beta=0.1, above=0.5))
    assert not watch.active
    watch.update(0.6)
    assert watch.active
    watch.update(0.0)  # 0.54
    assert watch.active
    resumed = PreferenceWatch(PreferenceConfig(weight=1.0, beta=0.1, above=0.5))
    resumed.load_state_dict(json.loads(json.dumps(watch.state_dict())))
    for one in (watch, resumed):
        one.update(0.0)  # 0.486
        assert not one.active
    off = PreferenceWatch(PreferenceConfig(weight=0.0, beta=0.1, above=0.5))
    off.update(1.0)
    assert not off.active


@pytest.mark.slow
def test_a_run_whose_samples_are_alike_comes_nearer_to_its_references(corpus, generator, tmp_path) -> None:
    # samples this cold are the greedy report, so no reward tells them apart
    settings = {
        "rewards": {"ccr": {"weight": 1.0, "baseline": "leave_one_out"}},
        "temperature": 1e-6,
        "epochs": 8,
        "batch_size": 18,
        "learning_rate": 1e-3,
        "mle_loss_weight": 0.0,
        "validation_samples": 0,
    }

    def run(weight: float):
        preference = {"weight": weight, "beta": 0.1, "above": 0.5}
        return fine_tune(config(tmp_path, preference=preference, **settings), *arguments(corpus, generator))

    without, preferring = run(0.0), run(1.0)
    assert not values(without.history, "preference_loss").any()
    print(
        values(preferring.history, "preference_loss"),
        values(preferring.history, "cider", "validation"),
        values(preferring.history, "groups_without_spread"),
    )
    losses = values(preferring.history, "preference_loss")
    assert losses[0] == 0  # nothing is known of the share before the first step
    assert losses[1] == pytest.approx(math.log(2), rel=1e-4)
    assert losses[-1] < losses[1]
    gained = values(preferring.history, "cider", "validation")
    assert gained[-1] > gained[0]
