"""Kedro's context, with configuration errors as sentences instead of tracebacks."""

from __future__ import annotations

from typing import Any

import click
from kedro.framework.context import KedroContext
from kedro.validation import ParameterValidationError


class RunStoppedError(click.ClickException):
    """A run that must not start; the command line prints its message and nothing else."""

    def show(self, file: Any = None) -> None:
        """Print the message in red, on standard error unless told otherwise."""
        click.secho(f"Error: {self.message}", fg="red", err=file is None, file=file)


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
            raise RunStoppedError(str(error)) from None
