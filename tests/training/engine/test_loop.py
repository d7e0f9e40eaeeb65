from __future__ import annotations

import dataclasses
import json
import math
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch

from coherent_cxr.training.engine.checkpoint import Checkpoints, step_seed
from coherent_cxr.training.engine.loop import EndedEarlyError, TrainingDivergedError, one_cycle
from helpers import toy
from helpers.toy import INPUTS, TARGETS, toy_loop, weights

# Speed is the one number that no two runs share.
SPEED = "images_per_second"


def without_speed(history):
    return history[history["metric"] != SPEED].reset_index(drop=True)


def dying(at: str, count: int):
    passed = 0

    def pass_point(name: str) -> None:
        nonlocal passed
        passed += name == at
        if name == at and passed == count:
            raise KeyboardInterrupt

    return pass_point


# A run has 4 epochs of 4 steps and writes a checkpoint after steps 3, 7, 11, 15, before and after
# validations.
@pytest.mark.parametrize(
    ("at", "count"),
    [("step", 1), ("step", 5), ("step", 6), ("step", 11), ("validation", 1), ("validation", 3)],
)
def test_an_interrupted_run_ends_with_the_bytes_of_an_uninterrupted_one(tmp_path, at, count):
    whole = toy_loop(tmp_path / "whole")
    history = whole.run()
    with pytest.raises(KeyboardInterrupt):
        toy_loop(tmp_path / "killed", dying(at, count)).run()
    again = toy_loop(tmp_path / "killed")
    assert without_speed(again.run()).equals(without_speed(history))
    assert weights(again) == weights(whole)


@pytest.mark.parametrize(
    ("at", "count"),
    [
        ("step", 7),
        ("validation", 2),
        ("tensors half written", 1),  # no checkpoint yet
        ("tensors half written", 3),  # the best weights
        ("tensors half written", 4),  # the checkpoint after a validation
    ],
)
@pytest.mark.slow
def test_a_process_killed_outright_continues_to_the_same_bytes(tmp_path, at, count):
    whole = toy_loop(tmp_path / "whole")
    whole.run()
    killed = subprocess.run(
        [sys.executable, toy.__file__, str(tmp_path / "killed"), at, str(count)],
        check=False,
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    again = toy_loop(tmp_path / "killed")
    again.run()
    assert weights(again) == weights(whole)
    left = sorted(p.name for p in (tmp_path / "killed").iterdir())
    assert left == sorted(p.name for p in (tmp_path / "whole").iterdir())


def test_a_run_killed_again_and_again_arrives(tmp_path):
    whole = toy_loop(tmp_path / "whole")
    whole.run()
    for _ in range(5):  # each time four steps further than the checkpoint before
        with pytest.raises(KeyboardInterrupt):
            toy_loop(tmp_path / "killed", dying("step", 4)).run()
    again = toy_loop(tmp_path / "killed")
    again.run()
    assert weights(again) == weights(whole)


def test_checkpoints_within_an_epoch_do_not_change_the_result(tmp_path):
    often, seldom = (toy_loop(tmp_path / str(n), checkpoint_every=n) for n in (1.0, None))
    assert without_speed(often.run()).equals(without_speed(seldom.run()))
    assert weights(often) == weights(seldom)


def test_a_finished_run_is_not_trained_again(tmp_path):
    first = toy_loop(tmp_path)
    first.run()
    again = toy_loop(tmp_path, dying("step", 1))  # any further step would raise
    again.run()
    assert weights(again) == weights(first)


def test_best_validation_epoch_is_kept(tmp_path):
    scores = iter([0.1, 0.9, 0.5, 0.3])
    seen = []

    def validate():
        seen.append(weights(run))
        return {"score": next(scores)}

    run = toy_loop(tmp_path, validate=validate)
    run.run()
    assert weights(run) == seen[1]


def test_the_last_epoch_is_kept_where_nothing_selects(tmp_path):
    with_selection, without = toy_loop(tmp_path / "a"), toy_loop(tmp_path / "b", select=None)
    with_selection.run()
    without.run()
    assert not list((tmp_path / "b").glob("best-*"))
    last = Checkpoints(tmp_path / "a").load()[1]
    assert weights(without) == b"".join(
        last[f"model.{n}"].numpy().tobytes() for n, _ in without.model.named_parameters()
    )


def test_a_number_that_cannot_be_computed_selects_nothing(tmp_path):
    run = toy_loop(tmp_path, validate=dict)
    run.run()
    assert not list(tmp_path.glob("best-*"))


def test_starting_weights_win_when_training_only_harms(tmp_path):
    scores = iter([0.9, 0.5, 0.4, 0.3, 0.2])
    run = toy_loop(tmp_path, validate=lambda: {"score": next(scores)}, validate_first=True)
    before = weights(run)
    run.run()
    assert weights(run) == before


def test_training_ends_when_it_waited_long_enough(tmp_path):
    scores = iter([0.1, 0.9, 0.5, 0.4, 0.3, 0.2])
    run = toy_loop(tmp_path, validate=lambda: {"score": next(scores)}, patience=2, epochs=6)
    history = run.run()
    assert history[history["metric"] == "score"]["value"].tolist() == [0.1, 0.9, 0.5, 0.4]
    again = toy_loop(tmp_path, dying("step", 1), patience=2, epochs=6)
    assert again.run().equals(history)


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


@pytest.mark.parametrize(("samples", "steps"), [(19, 12), (20, 16), (13, 8), (7, 4), (1, 4)])
def test_a_run_takes_exactly_the_steps_it_announces(tmp_path, samples, steps):
    # Batches of six: 13 samples make two of them, the last lone sample within the second.
    rates = []
    run = toy_loop(tmp_path, samples=samples, learning_rate=lambda step: rates.append(step) or 1e-2)
    run.run()
    assert run.steps == run.progress.step == len(rates) == steps
    assert rates == list(range(steps))


def test_a_second_run_of_the_same_training_waits_and_takes_the_result(tmp_path, caplog):
    first_is_in, steps = threading.Event(), []

    def pass_first(point):
        first_is_in.set()
        time.sleep(0.01)

    first = toy_loop(tmp_path, pass_first)
    second = toy_loop(tmp_path, steps.append)
    thread = threading.Thread(target=first.run)
    thread.start()
    assert first_is_in.wait(timeout=60)
    second.run()
    thread.join()
    assert steps == []  # nothing was left to do
    assert weights(first) == weights(second)
    assert any("waiting until it has ended" in record.getMessage() for record in caplog.records)


def test_a_number_that_no_validation_gives_is_said(tmp_path, caplog):
    toy_loop(tmp_path, select="scoer").run()
    (message,) = [record.getMessage() for record in caplog.records]
    assert "no validation gave the number 'scoer'" in message


def test_a_step_may_end_the_run_with_the_weights_of_the_last_validation(tmp_path):
    class Enough(EndedEarlyError):
        pass

    seen = []

    def train_step(step, chosen, randomness):
        if step == 10:
            raise Enough("enough")
        return run.train_step(step, chosen, randomness)

    def validate():
        seen.append(weights(ending))
        return {"score": -float(len(seen))}

    run = toy_loop(tmp_path / "a", validate=validate)
    for select, kept in ((None, 1), ("score", 0)):
        seen.clear()
        folder = tmp_path / str(select)
        run = toy_loop(folder, validate=validate, select=select, keep_validated=True, log_every=1)
        ending = dataclasses.replace(run, train_step=train_step)
        for _ in range(2):  # the second continues at a checkpoint and ends alike
            with pytest.raises(Enough) as ended:
                ending.run()
            assert weights(ending) == seen[kept]
            history = ended.value.history
            assert history[history["metric"] == "loss"]["step"].tolist() == list(range(1, 11))


def test_the_number_of_threads_is_noted_and_another_one_is_said(tmp_path, caplog):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        with pytest.raises(KeyboardInterrupt):
            toy_loop(tmp_path, dying("step", 6)).run()
        torch.set_num_threads(2)
        again = toy_loop(tmp_path)
        again.run()
        assert again.progress.threads == [1, 2]
        assert "began with 1 threads and continues with 2" in caplog.text
        torch.set_num_threads(1)
        finished = toy_loop(tmp_path)  # takes no step
        finished.run()
        assert finished.progress.threads == [1, 2]
    finally:
        torch.set_num_threads(before)


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


def test_progress_shows_epoch_losses_rate_and_speed(tmp_path, capfd):
    toy_loop(tmp_path, epochs=1).run()
    shown = capfd.readouterr().err
    for part in ("toy", "4/4", "epoch=1", "loss=", "lr=1.0e-02", "images/s="):
        assert part in shown


def test_the_run_leaves_the_global_generator_alone(tmp_path):
    torch.manual_seed(1)
    expected = torch.rand(1)
    run = toy_loop(tmp_path)
    torch.manual_seed(1)
    run.run()
    assert torch.equal(torch.rand(1), expected)


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
