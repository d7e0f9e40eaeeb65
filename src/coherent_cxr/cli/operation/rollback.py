"""``coherent-cxr rollback``: the former champion again."""

from __future__ import annotations

import click

from coherent_cxr.cli.operation.registry import open_registry, registry_options, tell


@click.command()
@registry_options
def rollback(reason: str, name: str, uri: str | None) -> None:
    """Make the previous champion the champion again, for a written reason.

    Typed again, it goes back one further.
    """
    from coherent_cxr.serving.registration.by_hand import MoveRefusedError, roll_back

    client, registry = open_registry(uri)
    try:
        tell(roll_back(client, registry, name, reason), name)
    except MoveRefusedError as error:
        raise click.ClickException(str(error)) from error
