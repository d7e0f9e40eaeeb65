"""``coherent-cxr export``: the generator as programs of ``torch.export``."""

from __future__ import annotations

from pathlib import Path

import click

from coherent_cxr.cli.generate import open_named
from coherent_cxr.cli.places import require_writable_folder
from coherent_cxr.cli.project import model_options
from coherent_cxr.inputs.names import printable


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@model_options
def export(folder: Path, model: str, uri: str | None) -> None:
    """Write a model's encoder and decoders to FOLDER as programs that need PyTorch alone.

    The script generate.py beside them writes reports with them. For research only, not for clinical use.
    """
    require_writable_folder(folder, "FOLDER")
    opened = open_named(model, uri)
    from coherent_cxr.models.exporting import SCRIPT, export_model
    from coherent_cxr.serving.report import NOTICE

    export_model(opened.bundle, folder, NOTICE)
    click.echo(f"Written: {printable(str(folder))}. Try: python {printable(str(folder / SCRIPT))} IMAGES.npy")
