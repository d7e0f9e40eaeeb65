"""``coherent-cxr generate``: a report for one radiograph."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coherent_cxr.cli.project import find_project, open_tracking
from coherent_cxr.images.reading.notes import Level
from coherent_cxr.inputs.names import printable

if TYPE_CHECKING:
    from coherent_cxr.models.bundle import ModelBundle
    from coherent_cxr.serving.generator import Report

CHAMPION = "models:/coherent-cxr@champion"
WORDS = {1: "positive", 0: "negative", -1: "uncertain"}
LONGEST = 500


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.option(
    "--model",
    default=CHAMPION,
    show_default=True,
    help="A registered model, or the folder of a model bundle.",
)
@click.option(
    "--tracking-uri",
    "uri",
    envvar="MLFLOW_TRACKING_URI",
    help="MLflow address of the registry; by default the one of the project in or above this folder.",
)
@click.option(
    "--operating-point",
    metavar="balanced|sensitive|specific|precision-0.7 ...",
    help="Let the label classifier decide what the report affirms: sensitive finds more and invents more, "
    "specific the reverse, precision-0.7 holds that precision for each finding. By default the generator "
    "decides, word by word.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--attention",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also save a picture (.png, .svg, .pdf) of the attention at its most visual words.",
)
def generate(
    image: Path,
    model: str,
    uri: str | None,
    operating_point: str | None,
    as_json: bool,
    attention: Path | None,
) -> None:
    """Write a report for IMAGE, a frontal chest radiograph as PNG, JPEG or DICOM.

    For research only, not for clinical use.
    """
    from coherent_cxr.images.reading.decode import UnreadableImageError, read_square

    try:
        read_square(image, 64)  # a wrong file is told at once, not after the model is loaded
    except UnreadableImageError as error:
        raise click.ClickException(str(error)) from error

    bundle = _open_bundle(model, uri)
    from coherent_cxr.finite import NonFiniteError
    from coherent_cxr.models.decider import OperatingPointError
    from coherent_cxr.serving.generator import NOTICE, ReportWriter

    try:
        report = ReportWriter(bundle, operating_point=operating_point).write(image)
    except (NonFiniteError, OperatingPointError, UnreadableImageError) as error:
        raise click.ClickException(str(error)) from error
    if attention is not None:
        _save_attention(report, attention, NOTICE)
    if as_json:
        click.echo(json.dumps({**report.as_dict(), "model": model}, indent=2))
        return
    _show(report)
    system, taught = printable(report.system), printable(report.taught_by_rules)
    click.echo(f"Written by {printable(model)} (system '{system}', taught by rule set {taught}). {NOTICE}")
    if attention is not None:
        click.echo(f"Attention: {printable(attention)}")


def _show(report: Report) -> None:
    for note in report.notes:
        if note.level == Level.WARNING:
            click.echo(f"Warning: {printable(note.detail, LONGEST)}")
    click.echo(f"\n{report.text}\n")
    for sentence, (finding, probability) in zip(report.sentences, report.sentence_findings, strict=True):
        if probability is not None:
            click.echo(f"  {finding}, probability {probability:.2f}: {sentence}")
    for observation, label in report.labels.items():
        if label is not None:
            click.echo(f"  {observation:<28}{WORDS[label]}")
    if report.findings is not None:
        called = [name for name, flag in report.findings.items() if flag]
        click.echo(f"\nDecided by the operating point {report.operating_point}: {', '.join(called)}.")
    click.echo(f"\nLabels say what the text says, by rule set {report.label_rules}.")
    for note in report.notes:
        if note.level == Level.INFORMATION:
            click.echo(f"Note: {printable(note.detail, LONGEST)}")


def _open_bundle(model: str, uri: str | None) -> ModelBundle:
    from coherent_cxr.models.manifest import BundleError

    try:
        folder = Path(model)
        if model.startswith("models:/"):
            from coherent_cxr.serving.registry import fetch_bundle_folder

            folder = fetch_bundle_folder(model, uri or open_tracking(find_project(Path.cwd())))
        from coherent_cxr.models.bundle import ModelBundle

        return ModelBundle.load(folder)
    except (BundleError, LookupError, OSError) as error:
        raise click.ClickException(str(error)) from error


def _save_attention(report: Report, path: Path, notice: str) -> None:
    from coherent_cxr.evaluation.attention.mentions import attention_figure

    try:
        attention_figure(report.image, report.attention, notice).savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"The attention picture cannot be saved as '{path}': {error}.") from error
