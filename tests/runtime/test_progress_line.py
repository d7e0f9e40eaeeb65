"""A progress line does not flood a file."""

from __future__ import annotations

import logging
import sys

import pytest

from coherent_cxr.runtime import progress_line
from coherent_cxr.runtime.progress_line import ProgressLine, counted


@pytest.fixture
def seconds(monkeypatch, caplog):
    """A clock that a test sets, with standard error as a file."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    caplog.set_level(logging.INFO)
    return [0.0]


def test_a_file_gets_a_line_every_half_minute_at_most(seconds, caplog):
    with ProgressLine(1000, "phantoms", "images", done=100, clock=lambda: seconds[0]) as line:
        for _ in range(90):
            seconds[0] += 1
            line.update(10, loss="0.125")
    assert caplog.messages == [
        "phantoms: 400 of 1,000 images (40%), 10 a second, 1 min left, loss 0.125",
        "phantoms: 700 of 1,000 images (70%), 10 a second, 30 s left, loss 0.125",
        "phantoms: 1,000 of 1,000 images (100%), 10 a second, 1 s left, loss 0.125",
    ]


def test_processes_side_by_side_share_the_lines(seconds, caplog, monkeypatch):
    monkeypatch.setattr(progress_line, "_beside", 4)
    line = ProgressLine(None, "steps", "steps", clock=lambda: seconds[0])
    for _ in range(130):
        seconds[0] += 1
        line.update()
    assert caplog.messages == ["steps: 120 steps, 1.0 a second"]


def test_what_ends_soon_writes_nothing(seconds, caplog, capfd):
    assert list(counted("abc", "letters", "letters")) == ["a", "b", "c"]
    assert list(counted(iter("abc"), "letters", "letters")) == ["a", "b", "c"]
    with ProgressLine(5, "hidden", "steps", shown=False, clock=lambda: seconds[0]) as line:
        seconds[0] += 100
        line.update()
    assert caplog.messages == []
    assert capfd.readouterr() == ("", "")


def test_a_terminal_keeps_nothing_of_a_finished_line(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with ProgressLine(3, "images", "images") as line:
        line.update(3)
    said = capsys.readouterr().err
    assert "images" in said
    assert "\n" not in said
