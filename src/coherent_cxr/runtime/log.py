"""What a run says: lines that are not wrapped, warnings that are seen, Kedro's own log on request."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any, TextIO

import click
from tqdm import tqdm

VERBOSE = "COHERENT_CXR_VERBOSE"
"""Environment variable that asks for Kedro's own log, as ``kedro run --verbose`` does."""
COLOURS = {logging.WARNING: "yellow", logging.ERROR: "red", logging.CRITICAL: "red"}


class RunHandler(logging.Handler):
    """Writes a message a line, with the time of day; a warning says that it is one.

    Lines go around a progress line, not into it. The stream is looked up for every line, as whoever runs the
    project may replace it.

    Args:
        errors: Whether lines go to standard error; else to standard output.
    """

    def __init__(self, errors: bool) -> None:
        super().__init__()
        self._errors = errors
        self.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))

    def to_standard_error(self) -> None:
        """From now on write to standard error."""
        self._errors = True

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            text, stream = self.format(record), self._stream()
            if record.levelno >= logging.WARNING:
                before, space, rest = text.partition(" ")
                text = f"{before}{space}{record.levelname.capitalize()}: {rest}"
                if stream.isatty():
                    text = click.style(text, fg=COLOURS.get(record.levelno, "yellow"))
            with tqdm.external_write_mode(file=stream):
                stream.write(f"{text}\n")
                stream.flush()
        except Exception:
            self.handleError(record)

    def _stream(self) -> TextIO:
        return sys.stderr if self._errors else sys.stdout


def is_verbose() -> bool:
    """Tell whether Kedro's own log is asked for."""
    return bool(os.environ.get(VERBOSE))


def set_up_log() -> None:
    """Write plain lines in the place of Kedro's wrapped ones, unless its own log is asked for.

    Handlers of other kinds, which a logging configuration of the user's own names, are left alone.
    """
    logging.getLogger("kedro").setLevel(logging.INFO if is_verbose() else logging.WARNING)
    logging.getLogger("coherent_cxr").setLevel(logging.DEBUG if is_verbose() else logging.INFO)
    if is_verbose():
        return
    _without_bar_of_mlflow()
    root = logging.getLogger()
    for handler in list(root.handlers):
        console: Any = getattr(handler, "console", None)
        if console is None or type(handler).__module__ != "kedro.logging":
            continue
        ours = RunHandler(errors=bool(console.stderr))
        ours.setLevel(handler.level)
        for one in handler.filters:
            ours.addFilter(one)
        root.removeHandler(handler)
        root.addHandler(ours)


def _without_bar_of_mlflow() -> None:
    # of a few files it says nothing, and in a log it would be drawn again and again
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")


def log_to_standard_error() -> None:
    """Keep what is logged out of what a command prints."""
    _without_bar_of_mlflow()
    for handler in logging.getLogger().handlers:
        if isinstance(handler, RunHandler):
            handler.to_standard_error()
        elif hasattr(handler, "console"):
            from rich.console import Console

            handler.console = Console(stderr=True)
