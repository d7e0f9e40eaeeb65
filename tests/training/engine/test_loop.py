"""Steps, batches, rates, gradients and the history of a training."""

from __future__ import annotations

import dataclasses
import json
import logging

import pytest
import torch

from coherent_cxr.runtime import progress_line
from coherent_cxr.training.engine.checkpoint import step_seed
from coherent_cxr.training.engine.schedule import one_cycle
from helpers.toy import INPUTS, TARGETS, toy_loop
from helpers.toy_history import SPEED


@pytest.mark.parametrize(("samples", "steps"), [(19, 12), (20, 16), (13, 8), (7, 4), (1, 4)])
@pytest.mark.slow
def test_a_run_takes_exactly_the_steps_it_announces(tmp_path, samples, steps):
    # Batches of six: 13 samples make two of them, the last lone sample within the second.
    rates = []
    run = toy_loop(tmp_path, samples=samples, learning_rate=lambda step: rates.append(step) or 1e-2)
    run.run()
    assert run.steps == run.progress.step == len(rates) == steps
    assert rates == list(range(steps))


def test_a_batch_in_parts_takes_the_same_step(tmp_path):
    whole, parts = (toy_loop(tmp_path / str(n), dropout=0.0, accumulate=n) for n in (1, 4))
    losses = [h[h["metric"] == "loss"]["value"].to_numpy() for h in (whole.run(), parts.run())]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for a, b in zip(whole.model.parameters(), parts.model.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_the_gradient_is_clipped(tmp_path):
    run = toy_loop(tmp_path, clip_gradient=1e-3, epochs=1)
    run = dataclasses.replace(run, optimizer=torch.optim.SGD(run.model.parameters()))
    before = [p.detach().clone() for p in run.model.parameters()]
    history = run.run()
    moved = sum((p - b).square().sum() for p, b in zip(run.model.parameters(), before, strict=True)).sqrt()
    assert moved <= 4 * 1e-3 * 1e-2 * 1.001  # four steps of at most norm * learning rate
    assert history[history["metric"] == "gradient_norm"]["value"].min() > 1e-3


def test_history_has_every_step_window_and_every_epoch(tmp_path):
    history = toy_loop(tmp_path, log_every=2).run()
    train = history[(history["split"] == "train") & (history["metric"] == "half")]
    assert train["step"].tolist() == [2, 4, 6, 8, 10, 12, 14, 16]
    validation = history[history["split"] == "validation"]
    assert validation["epoch"].tolist() == [1, 2, 3, 4]
    assert {"loss", "gradient_norm", "learning_rate", SPEED} <= set(history["metric"])
    json.dumps(history.to_dict("records"))


def test_progress_shows_epoch_losses_rate_and_speed(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(progress_line, "EVERY", 0.0)  # a line for every step
    caplog.set_level(logging.INFO)
    toy_loop(tmp_path, epochs=1).run()
    for part in ("toy: 4 of 4", "epoch 1", "loss ", "lr 1.0e-02", "images/s "):
        assert part in caplog.text


def test_the_run_leaves_the_global_generator_alone(tmp_path):
    torch.manual_seed(1)
    expected = torch.rand(1)
    run = toy_loop(tmp_path)
    torch.manual_seed(1)
    run.run()
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.slow
def test_the_toy_learns(tmp_path):
    run = toy_loop(tmp_path, dropout=0.0, epochs=60)
    run.run()
    assert (run.model(INPUTS).squeeze(1) - TARGETS).square().mean() < 0.1


def test_step_seeds_differ_and_repeat():
    seeds = {step_seed(0, epoch, step) for epoch in range(30) for step in range(30)}
    assert len(seeds) == 900
    assert step_seed(0, 1, 2) == step_seed(0, 1, 2) != step_seed(1, 1, 2)


def test_one_cycle_rises_to_its_peak_and_falls_to_almost_nothing():
    values = [one_cycle(i / 100) for i in range(101)]
    assert max(values) == values[25] == pytest.approx(1, abs=1e-3)
    assert values[0] == pytest.approx(0.04)
    assert values[-1] == pytest.approx(1e-4)
