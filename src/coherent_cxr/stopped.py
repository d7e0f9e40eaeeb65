"""Errors that end a command in one sentence; this module imports little, as every command line does."""

from __future__ import annotations

from typing import Any

import click


class RunStoppedError(click.ClickException):
    """A run that must not start; the command line prints its message and nothing else."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Print the message in red, on standard error unless told otherwise."""
        click.secho(f"Error: {self.message}", fg="red", err=file is None, file=file)


class CommandStoppedError(RunStoppedError):
    """Another command that cannot do what it was asked."""

    exit_code = 1
