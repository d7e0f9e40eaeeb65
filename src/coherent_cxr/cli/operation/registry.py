"""What the commands about the registry share: its options, and what they print."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from coherent_cxr.cli.project import find_project, open_tracking
from coherent_cxr.inputs.names import printable

if TYPE_CHECKING:
    from coherent_cxr.serving.registration.by_hand import Moved

LONGEST_SHOWN = 1_000


def registry_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options ``--reason``, ``--name`` and ``--tracking-uri``."""
    for option in (
        click.option(
            "--tracking-uri",
            "uri",
            envvar="MLFLOW_TRACKING_URI",
            help="MLflow address of the registry; by default the one of the project in or above this folder.",
        ),
        click.option("--name", default="coherent-cxr", show_default=True, help="Registered model."),
        click.option(
            "--reason",
            required=True,
            help="Why, in words; kept in the registry with date and former champion.",
        ),
    ):
        command = option(command)
    return command


def open_registry(uri: str | None) -> tuple[Any, str]:
    """Return a client of the registry, and its address.

    Raises:
        ClickException: If there is no such database.
    """
    from coherent_cxr.tracking.addresses import sqlite_path
    from coherent_cxr.tracking.prepare import check

    address = uri or open_tracking(find_project(Path.cwd()))
    path = sqlite_path(address)
    if path is not None and not path.exists():
        raise click.ClickException(
            f"There is no tracking database '{path}'. Run `kedro run` in the project first, or name a "
            "database with --tracking-uri."
        )
    check(address)
    import mlflow

    return mlflow.MlflowClient(tracking_uri=address, registry_uri=address), address


def tell(moved: Moved, name: str) -> None:
    """Print what was done."""
    move = moved.move
    before = f"; before it, version {move.previous}" if move.previous else ""
    click.echo(f"Version {move.version} of '{printable(name)}' is the champion now{before}.")
    click.echo(f"Kept with it: {move.when}, {printable(move.reason, LONGEST_SHOWN)}")
    if moved.warning:
        click.echo(f"Warning: {moved.warning}")
    click.echo("What is loaded already goes on as it is: start the service again to serve the new champion.")
