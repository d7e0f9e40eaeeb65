"""Numbers that are not finite stop a training before they reach a checkpoint."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from coherent_cxr.training.engine.checkpoint import Checkpoints
from coherent_cxr.training.engine.divergence import TrainingDivergedError
from helpers.toy import toy_loop


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_with_step_and_checkpoint(tmp_path, bad):
    run = toy_loop(tmp_path)
    run.run()
    good = Checkpoints(tmp_path).load()[1]

    longer = toy_loop(tmp_path, epochs=6)

    def exploding(step, chosen, randomness):
        loss, numbers = longer.train_step(step, chosen, randomness)
        return loss * (bad if step == 17 else 1.0), numbers

    with pytest.raises(TrainingDivergedError, match=rf"became {bad} at step 17 \(epoch 5\).*'{tmp_path}'"):
        dataclasses.replace(longer, train_step=exploding).run()
    kept = Checkpoints(tmp_path).load()[1]
    assert all(torch.equal(good[name], kept[name]) for name in good)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("clip", [1.0, math.inf])
def test_a_gradient_that_is_no_number_never_reaches_the_weights(tmp_path, bad, clip):
    run = toy_loop(tmp_path, clip_gradient=clip, checkpoint_every=1.0)

    def exploding(step, chosen, randomness):
        loss, numbers = run.train_step(step, chosen, randomness)
        if step == 6:  # a finite loss with an infinite slope, as a square root has at zero
            loss.register_hook(lambda gradient: gradient * bad)
        return loss, numbers

    with pytest.raises(TrainingDivergedError, match=r"norm of the gradient became (nan|inf) at step 6 "):
        dataclasses.replace(run, train_step=exploding).run()
    assert all(torch.isfinite(p).all() for p in run.model.parameters())
    state, tensors = Checkpoints(tmp_path).load()
    assert state["step"] == 6
    assert all(torch.equal(tensors[f"model.{n}"], p) for n, p in run.model.named_parameters())


class Overflowing(torch.optim.Adam):
    """Goes too far at its sixth step, as a learning rate near the largest number does."""

    def step(self, closure=None):
        super().step(closure)
        (first, *_) = self.param_groups[0]["params"]
        if self.state[first]["step"] == 6:
            with torch.no_grad():
                first[0, 0] = math.inf


def test_weights_that_are_no_numbers_are_never_saved(tmp_path):
    run = toy_loop(tmp_path, checkpoint_every=1.0)
    run = dataclasses.replace(run, optimizer=Overflowing(run.model.parameters()))
    with pytest.raises(TrainingDivergedError, match=r"'model\.0\.weight' became inf at step 6"):
        run.run()
    state, tensors = Checkpoints(tmp_path).load()
    assert state["step"] == 5
    assert all(torch.isfinite(tensor).all() for tensor in tensors.values())
