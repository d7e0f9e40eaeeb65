"""The one place where errors that a user can fix become a sentence instead of a traceback."""

from __future__ import annotations

import copy
import errno
import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click

from coherent_cxr.inputs.terminal import plain
from coherent_cxr.stopped import CommandStoppedError, RunStoppedError
from coherent_cxr.tracking.secrets import without_secrets

SHOW_TRACEBACK = "COHERENT_CXR_TRACEBACK"
MOST_SHOWN = 600
# Whoever raises an error of these libraries' own types wrote its message for the user.
TELLING = {"kedro", "mlflow", "omegaconf", "sqlalchemy", "sqlite3", "yaml"}
PACKAGE = "coherent_cxr"
_FRAME = re.compile(r'File "([^"\n]*)", line \d+, in [^\n]*\n\s+([^\n]*)')
MISTAKES = (TypeError, AttributeError, NameError, AssertionError)


@contextmanager
def errors_as_sentences(exit_code: int) -> Iterator[None]:
    """Turn expected errors into a line on standard error and an exit code.

    All others, which are mistakes of the program, keep their traceback; so do expected ones where the
    variable ``COHERENT_CXR_TRACEBACK`` is set.

    Args:
        exit_code: Of the command after an expected error: 1 or 2.
    """
    stopped = RunStoppedError if exit_code == RunStoppedError.exit_code else CommandStoppedError
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.ClickException as error:
        if _tidy(error.message) == error.message:
            raise
        raise stopped(_tidy(error.message)) from error
    except Exception as error:
        sentence = sentence_of(error) or _of_settings(error)
        if sentence is None or os.environ.get(SHOW_TRACEBACK):
            raise
        raise stopped(sentence) from error
    finally:
        _let_go_of_full_output()


def _let_go_of_full_output() -> None:
    """Drop what standard output cannot take: Python would try again at its end, with a message of its own."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def in_sentences(command: click.Command, exit_code: int) -> click.Command:
    """Return a command like another, whose expected errors are sentences."""
    call: Any = command.callback
    wrapped = copy.copy(command)

    @wraps(call)
    def run(*arguments: Any, **named: Any) -> Any:
        with errors_as_sentences(exit_code):
            return call(*arguments, **named)

    wrapped.callback = run
    return wrapped


def sentence_of(error: BaseException) -> str | None:
    """Return what to tell the user of an expected error, or None if the error is a mistake of the program.

    Expected are errors of our own types and of the libraries that users configure, of the operating system,
    those that Kedro raises about names it was given, and each ``raise ValueError(...)`` of ours.
    """
    if not _is_expected(error):
        return None
    text = str(error) or type(error).__name__
    ours = _root(error) == PACKAGE or _is_refusal(error)
    text = text if ours else " ".join(text.split())
    if len(text) > MOST_SHOWN:
        text = f"{text[:MOST_SHOWN]} …"
    return _tidy(text)


def _of_settings(error: BaseException) -> str | None:
    """Return which of the project's settings is no mapping, where Kedro's reader of them breaks over it."""
    trace, modules = error.__traceback__, []
    while trace is not None:
        modules.append(trace.tb_frame.f_globals.get("__name__", ""))
        trace = trace.tb_next
    if not any(module.startswith("kedro.config") for module in modules):
        return None
    from coherent_cxr.cli.project import find_project, settings_message

    try:
        message = settings_message(find_project(Path.cwd()))
    except click.ClickException:  # the command was typed elsewhere
        return None
    return None if message is None else _tidy(message)


def _is_expected(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno != errno.EPIPE  # a reader that has seen enough is click's to end quietly
    if _root(error) == PACKAGE:
        return True
    if _root(error) in TELLING:
        return not isinstance(_first_cause(error), MISTAKES)
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    raised_in = trace.tb_frame.f_globals.get("__name__", "") if trace is not None else ""
    return isinstance(error, ValueError) and (raised_in.startswith("kedro.") or _is_refusal(error))


def _is_refusal(error: BaseException) -> bool:
    """Return whether our code raised a ValueError on purpose, here or in a child process, for users to read.

    One that Python or a library raises (``int("x")``) is a mistake of the program. One whose message is
    withheld says nothing without its traceback.
    """
    if type(error) is not ValueError:
        return False
    from coherent_cxr.corpora.quality.redaction import WITHHELD

    if WITHHELD in str(error):
        return False
    told = "".join([*traceback.format_tb(error.__traceback__), *getattr(error, "__notes__", ())])
    (*_, (file, line)) = [("", ""), *_FRAME.findall(told)]
    return line.startswith("raise ValueError(") and PACKAGE in Path(file).parts


def _first_cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _root(error: BaseException) -> str:
    return type(error).__module__.split(".")[0]


def _tidy(text: str) -> str:
    """Leave out passwords, and characters that would steer a terminal."""
    return plain(without_secrets(text))
