"""The ``coherent-cxr`` command line. A subcommand's module is imported only when it is called."""

import importlib
import logging
import warnings
from collections.abc import Mapping
from typing import Any

import click

from coherent_cxr import __version__
from coherent_cxr.cli.examples import epilog
from coherent_cxr.inputs.terminal import plain

COMMANDS = {
    "check-data": "Say which files of a corpus are missing and how to get them, and what a run will take.",
    "label": "Label radiology reports with the 14 observations of CheXpert, or others of a rule file.",
    "generate": "Generate reports for chest radiographs: images, DICOM studies, folders, tables of studies.",
    "serve": "Serve reports over HTTP, until Ctrl-C.",
    "import": "Import your own reports and images: a TABLE and a folder, with a page about their quality.",
    "export": "Write a model's encoder and decoders to FOLDER as programs that need PyTorch alone.",
    "evaluate": "Score generated reports against references: language, CheXpert labels, intervals, a page.",
    "drift": "Write a page about drift from LOG, by day against validation.",
    "promote": "Make VERSION the champion by hand, for a written reason.",
    "rexrank": "Write ReXrank's file of predictions, by the options that its scripts take.",
    "rollback": "Make the previous champion the champion again, for a written reason.",
    "train-labeller": "Learn a labeller of sentences from labels of rules and from corrections, in seconds.",
    "summary": "Print systems and headline metrics of the last run, and the commands that show the rest.",
}
"""Names and the first sentence of their help, so that ``--help`` need not import the commands."""
KEDRO_COMMANDS = {**COMMANDS, "run": "Run the pipeline."}
ROOMS = dict.fromkeys(("drift", "export", "promote", "rexrank", "rollback", "train-labeller"), "operation")
"""Packages of this one that hold a command's module, where it is not here."""
MODULES = {"import": "import_corpus"}
"""Modules, and the commands in them, whose name is a word of Python."""
EXIT_CODES = {"run": 2}
"""Exit codes after an expected error, where they are not 1."""


def module_of(command: str) -> str:
    """Return the full name of the module that implements a command."""
    return ".".join(filter(None, (__name__, ROOMS.get(command), name_of(command))))


def name_of(command: str) -> str:
    """Return the name of the module, and of the command in it, that implements a command."""
    return MODULES.get(command, command.replace("-", "_"))


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is asked for.

    Args:
        helps: What each command does, by its name; the module of that name in this package implements it.
        settings: As in click.
    """

    def __init__(self, *, helps: Mapping[str, str], **settings: Any) -> None:
        super().__init__(**settings)
        self._helps = helps

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all subcommands."""
        return sorted(self._helps)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a subcommand's module and return the command, whose expected errors are sentences."""
        if cmd_name not in self._helps:
            return None
        # what is odd about an image stands in its report's notes
        warnings.filterwarnings("ignore", module=r"pydicom\.")
        # Outside a project, importing Kedro logs that it uses its own logging configuration.
        logging.getLogger("kedro.framework.project").addFilter(_is_warning)
        from coherent_cxr.cli.boundary import in_sentences
        from coherent_cxr.runtime.log import log_to_standard_error

        command = getattr(importlib.import_module(module_of(cmd_name)), name_of(cmd_name))
        assert isinstance(command, click.Command)
        if cmd_name in COMMANDS:
            log_to_standard_error()
        command = in_sentences(command, EXIT_CODES.get(cmd_name, 1))
        command.epilog = epilog(cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what each command does, without importing it."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(self._helps.items()))

    def invoke(self, ctx: click.Context) -> object:
        """Run a subcommand; what its error message repeats of the names of files moves no cursor."""
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            error.message = plain(error.message)  # type: ignore[misc]  # final for click's own subclasses
            raise


def _is_warning(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


@click.group(cls=LazyGroup, helps=COMMANDS, epilog=epilog())
@click.version_option(__version__)
def main() -> None:
    """Coherent CXR: chest X-ray report labelling and generation. For research, not for clinical use."""


cli = LazyGroup(name="coherent-cxr", helps=KEDRO_COMMANDS, help=main.help)
"""Kedro looks for a group of this name, offers its commands too, and takes its ``run`` instead of Kedro's."""
