"""An interrupted training ends with the bytes of an uninterrupted one."""

from __future__ import annotations

import signal
import threading
import time

import pytest
import torch

from helpers.commands import run_toy
from helpers.toy import toy_loop, weights
from helpers.toy_history import dying, without_speed


# A run has 4 epochs of 4 steps and writes a checkpoint after steps 3, 7, 11, 15, before and after
# validations.
@pytest.mark.parametrize(
    ("at", "count"),
    [("step", 1), ("step", 5), ("step", 6), ("step", 11), ("validation", 1), ("validation", 3)],
)
@pytest.mark.slow
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
def test_a_process_killed_outright_continues_to_the_same_bytes(tmp_path, forks, at, count):
    whole = toy_loop(tmp_path / "whole")
    whole.run()
    killed = run_toy(forks, tmp_path / "killed", at, count)
    assert killed.code == -signal.SIGKILL, killed.errors
    again = toy_loop(tmp_path / "killed")
    again.run()
    assert weights(again) == weights(whole)
    left = sorted(p.name for p in (tmp_path / "killed").iterdir())
    assert left == sorted(p.name for p in (tmp_path / "whole").iterdir())


@pytest.mark.slow
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
