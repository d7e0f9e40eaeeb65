"""The ``coherent-cxr`` command line. A subcommand's module is imported only when it is called."""

import importlib

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


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all subcommands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a subcommand's module and return the function in it that bears the command's name."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(COMMANDS[cmd_name]), cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run a subcommand; what its error message repeats of the names of files moves no cursor."""
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            error.message = plain(error.message)
            raise


@click.group(cls=LazyGroup)
@click.version_option(__version__)
def main() -> None:
    """Coherent CXR: chest X-ray report labelling and generation. For research, not for clinical use."""


cli = main
"""Kedro looks for a group of this name and offers its commands too (``kedro summary``)."""
