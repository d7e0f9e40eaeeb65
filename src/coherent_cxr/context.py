"""Kedro's context, with configuration errors as sentences instead of tracebacks."""

from __future__ import annotations

import re
from typing import Any

import click
from kedro.framework.context import KedroContext
from kedro.validation import ParameterValidationError

# Kedro says twice which parameter is meant before it comes to what we said of it.
_PREAMBLE = re.compile(
    r"^- (?:Parameter '[^']*': )?(?:Failed to instantiate \S+ for parameter '[^']*': )?", re.M
)


class RunStoppedError(click.ClickException):
    """A run that must not start; the command line prints its message and nothing else."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Print the message in red, on standard error unless told otherwise."""
        click.secho(f"Error: {self.message}", fg="red", err=file is None, file=file)


class CommandStoppedError(RunStoppedError):
    """Another command that cannot do what it was asked."""

    exit_code = 1


class ProjectContext(KedroContext):
    """Stops a run with one sentence per parameter that cannot work, before any work is done."""

    @property
    def params(self) -> dict[str, Any]:
        """Parameters, checked and turned into the configuration classes that nodes ask for.

        Raises:
            RunStoppedError: If a parameter is unknown or impossible.
        """
        try:
            return super().params
        except ParameterValidationError as error:
            raise RunStoppedError(sentences(str(error))) from None


def sentences(told: str) -> str:
    """Return what Kedro tells of parameters that cannot work as one sentence a line."""
    _, _, problems = told.partition(":\n")
    return _PREAMBLE.sub("", problems or told)
