"""``coherent-cxr promote``: another champion, by hand."""

from __future__ import annotations

import click

from coherent_cxr.cli.operation.registry import open_registry, registry_options, tell


@click.command()
@click.argument("version")
@registry_options
def promote(version: str, reason: str, name: str, uri: str | None) -> None:
    """Make VERSION the champion by hand, for a written reason.

    VERSION is a number, or the word challenger. A version that has collapsed to the normal report is refused.
    """
    from coherent_cxr.serving.registration.by_hand import MoveRefusedError, promote_by_hand

    client, registry = open_registry(uri)
    try:
        tell(promote_by_hand(client, registry, name, version, reason), name)
    except MoveRefusedError as error:
        raise click.ClickException(str(error)) from error
