"""Lines of a run's log are whole, and warnings are seen."""

from __future__ import annotations

import logging

import kedro.logging
import pytest

from coherent_cxr.runtime import log

LONG = "/a/folder/with/a/long/name" * 8


@pytest.fixture
def root(monkeypatch):
    """The root logger with Kedro's handler alone, as conf/logging.yml makes it."""
    logger = logging.getLogger()
    monkeypatch.setattr(logger, "handlers", [kedro.logging.RichHandler()])
    levels = {name: logging.getLogger(name).level for name in ("kedro", "coherent_cxr")}
    yield logger
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def test_lines_are_not_wrapped_and_warnings_say_so(root, monkeypatch, capsys):
    monkeypatch.delenv(log.VERBOSE, raising=False)
    log.set_up_log()
    logging.getLogger("kedro.runner").info("Running node: %s", LONG)
    logging.getLogger("coherent_cxr.hooks").info("[bold]%s", LONG)
    logging.getLogger("anyone").warning("Look at %s", LONG)
    info, warning = capsys.readouterr().out.splitlines()
    assert info[9:] == f"[bold]{LONG}"  # nothing is taken for markup
    assert warning[9:] == f"Warning: Look at {LONG}"


def test_kedros_own_log_on_request(root, monkeypatch, capsys):
    monkeypatch.setenv(log.VERBOSE, "1")
    log.set_up_log()
    logging.getLogger("kedro.runner").info("Running node: a")
    assert "Running node: a" in capsys.readouterr().out
    assert isinstance(root.handlers[0], kedro.logging.RichHandler)


def test_a_handler_of_the_users_own_stays(monkeypatch):
    own = logging.StreamHandler()
    monkeypatch.setattr(logging.getLogger(), "handlers", [own])
    log.set_up_log()
    assert logging.getLogger().handlers == [own]
