"""The ``coherent-cxr`` command line. A subcommand's module is imported only when it is called."""

import importlib
import logging
from collections.abc import Mapping
from typing import Any

import click

from coherent_cxr import __version__
from coherent_cxr.inputs.terminal import plain

COMMANDS = {
    "check-data": "coherent_cxr.cli.check_data",
    "label": "coherent_cxr.cli.label",
    "generate": "coherent_cxr.cli.generate",
    "evaluate": "coherent_cxr.cli.evaluate",
    "summary": "coherent_cxr.cli.summary",
}


KEDRO_COMMANDS = {**COMMANDS, "run": "coherent_cxr.cli.run"}
EXIT_CODES = {"run": 2}
"""Exit codes after an expected error, where they are not 1."""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is asked for.

    Args:
        modules: Modules by name of the command, which a function of that name in them implements.
        settings: As in click.
    """

    def __init__(self, *, modules: Mapping[str, str], **settings: Any) -> None:
        super().__init__(**settings)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all subcommands."""
        return sorted(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a subcommand's module and return the command, whose expected errors are sentences."""
        if cmd_name not in self._modules:
            return None
        # Outside a project Kedro tells, while it is imported, that it takes its own configuration of logs.
        logging.getLogger("kedro.framework.project").addFilter(_is_warning)
        from coherent_cxr.cli.boundary import in_sentences

        if cmd_name in COMMANDS:
            _log_to_standard_error()
        command = getattr(importlib.import_module(self._modules[cmd_name]), cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return in_sentences(command, EXIT_CODES.get(cmd_name, 1))

    def invoke(self, ctx: click.Context) -> object:
        """Run a subcommand; what its error message repeats of the names of files moves no cursor."""
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            error.message = plain(error.message)  # type: ignore[misc]  # final for click's own subclasses
            raise


def _is_warning(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


def _log_to_standard_error() -> None:
    """Keep what is logged out of what a command prints; Kedro's handler writes to standard output."""
    from rich.console import Console

    for handler in logging.getLogger().handlers:
        if hasattr(handler, "console"):
            handler.console = Console(stderr=True)


@click.group(cls=LazyGroup, modules=COMMANDS)
@click.version_option(__version__)
def main() -> None:
    """Coherent CXR: chest X-ray report labelling and generation. For research, not for clinical use."""


cli = LazyGroup(name="coherent-cxr", modules=KEDRO_COMMANDS, help=main.help)
"""Kedro looks for a group of this name, offers its commands too, and takes its ``run`` instead of Kedro's."""
