"""Ctrl-C, SIGTERM and the clock: what a run saves before it ends."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from coherent_cxr.runtime.pace import LARGEST_SHARE, Pace
from coherent_cxr.training.engine.checkpoint import Checkpoints
from helpers.commands import run_toy
from helpers.toy import toy_loop, weights


def sending(number: int, at: str, count: int):
    passed = 0

    def pass_point(name: str) -> None:
        nonlocal passed
        passed += name == at
        if name == at and passed == count:
            os.kill(os.getpid(), number)

    return pass_point


@pytest.fixture(autouse=True)
def heeding_ctrl_c():
    """Behind pytest-xdist Ctrl-C is ignored, and what is ignored stays so."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Terminated(Exception):
    """What somebody else's handler of SIGTERM raises."""


@pytest.fixture
def terminated():
    def handle(number, frame):
        raise Terminated

    before = signal.signal(signal.SIGTERM, handle)
    yield handle
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]
)
@pytest.mark.slow
def test_a_signal_ends_the_run_after_its_step_and_nothing_is_lost(
    tmp_path, caplog, terminated, number, error
):
    whole = toy_loop(tmp_path / "whole")
    whole.run()
    with pytest.raises(error):
        toy_loop(tmp_path / "ended", sending(number, "step", 6), checkpoint_every=None).run()
    assert signal.getsignal(signal.SIGTERM) is terminated
    assert Checkpoints(tmp_path / "ended").load()[0]["step"] == 6
    sentences = [record.getMessage() for record in caplog.records]
    assert "Run the same command again, and it continues" in sentences[-1]
    assert "step 6 of 16 (epoch 2)" in sentences[-1]
    assert str(tmp_path / "ended") in sentences[-1]
    steps = []
    again = toy_loop(tmp_path / "ended", lambda point: steps.append(point) if point == "step" else None)
    again.run()
    assert len(steps) == 10
    assert weights(again) == weights(whole)


def test_a_signal_during_validation_ends_it_at_once_behind_a_checkpoint_of_its_epoch(tmp_path, caplog):
    reached = []
    points = sending(signal.SIGINT, "validation", 2)
    run = toy_loop(tmp_path, points)

    def validate():
        numbers = toy_validate()
        reached.append("end")
        return numbers

    toy_validate, run.validate = run.validate, validate
    with pytest.raises(KeyboardInterrupt):
        run.run()
    assert reached == ["end"]  # of the first validation only
    assert Checkpoints(tmp_path).load()[0]["step"] == 8
    assert "Run the same command again" in caplog.records[-1].getMessage()


def test_a_second_signal_does_not_wait_for_the_step(tmp_path):
    after = []

    def twice(point):
        if point == "step" and not after:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            after.append(point)

    with pytest.raises(KeyboardInterrupt):
        toy_loop(tmp_path, twice).run()
    assert after == []
    assert Checkpoints(tmp_path).load() is None


@pytest.mark.slow
def test_a_process_told_to_end_ends_by_that_signal_and_continues(tmp_path, forks):
    ended = run_toy(forks, tmp_path, "step", 6, "SIGTERM")
    assert ended.code == -signal.SIGTERM, ended.errors
    assert "Run the same command again" in ended.errors
    assert Checkpoints(tmp_path).load()[0]["step"] == 6


def test_an_ignored_signal_stays_ignored_and_a_handler_that_goes_on_goes_on(tmp_path):
    seen = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    ignored = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        toy_loop(tmp_path / "a", sending(signal.SIGINT, "step", 2)).run()
        assert seen == []
        toy_loop(tmp_path / "b", sending(signal.SIGTERM, "step", 2)).run()
        assert seen == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGINT, ignored)


def test_a_run_in_a_thread_of_its_own_trains_as_well(tmp_path):
    run = toy_loop(tmp_path)
    thread = threading.Thread(target=run.run)
    thread.start()
    thread.join()
    assert run.progress.step == 16


def test_checkpoints_follow_the_clock():
    now = [0.0]
    pace = Pace(60.0, lambda: now[0])
    assert not pace.due()
    now[0] = 15.0
    assert not pace.due()
    assert pace.due(0.25)
    now[0] = 60.0
    assert pace.due()
    with pace.writing():
        now[0] = 62.0
    now[0] = 121.9
    assert not pace.due()
    now[0] = 122.0
    assert pace.due()


def test_checkpoints_that_take_long_are_rarer_and_none_are_due_without_a_time():
    now = [0.0]
    pace = Pace(60.0, lambda: now[0])
    with pace.writing():
        now[0] += 10.0
    now[0] += 10.0 / LARGEST_SHARE - 0.1
    assert not pace.due()
    now[0] += 0.2
    assert pace.due()
    never = Pace(None, lambda: now[0])
    now[0] += 1e9
    assert not never.due()
    assert not never.due(0.25)
