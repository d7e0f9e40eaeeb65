"""``coherent-cxr rexrank``: predictions in the form that ReXrank asks for."""

from __future__ import annotations

from pathlib import Path

import click

from coherent_cxr.cli.places import require_writable_file
from coherent_cxr.cli.project import find_project, model_options, open_tracking
from coherent_cxr.inputs.names import printable

PLACE = click.Path(path_type=Path)


@click.command()
@click.option("--input_json_file", type=PLACE, required=True, help="ReXrank's file of studies.")
@click.option("--save_json_file", type=PLACE, required=True, help="Where the predictions go.")
@click.option("--img_root_dir", type=PLACE, required=True, help="Folder that the images' paths count from.")
@model_options
@click.option("--operating-point", help="Let the label classifier decide what reports affirm; see generate.")
def rexrank(
    input_json_file: Path,
    save_json_file: Path,
    img_root_dir: Path,
    model: str,
    uri: str | None,
    operating_point: str | None,
) -> None:
    """Write ReXrank's file of predictions, by the options that its scripts take.

    Entries are kept as they are, with model_prediction. Typed again after a stop, it goes on. For research
    only. Exit code: 0 every study has a report, 1 some have none.
    """
    from coherent_cxr.serving.outputs.rexrank_file import ReXrankFileError, read_entries

    require_writable_file(save_json_file, "--save_json_file")
    if not img_root_dir.is_dir():
        raise click.ClickException(f"There is no folder '{printable(img_root_dir)}'. (--img_root_dir)")
    try:
        asked = read_entries(input_json_file)
        if save_json_file.exists():
            read_entries(save_json_file)
    except ReXrankFileError as error:
        raise click.ClickException(str(error)) from error
    from coherent_cxr.models.decider import OperatingPointError
    from coherent_cxr.models.manifest import BundleError
    from coherent_cxr.runtime.progress_line import ProgressLine
    from coherent_cxr.serving.outputs.rexrank_file import predict
    from coherent_cxr.serving.report import NOTICE
    from coherent_cxr.serving.study.opening import open_model
    from coherent_cxr.serving.study.writer import StudyWriter

    try:
        opened = open_model(model, lambda: uri or open_tracking(find_project(Path.cwd())))
        writer = StudyWriter(opened.bundle, opened.identity, operating_point=operating_point)
    except (BundleError, LookupError, OSError) as error:
        raise click.ClickException(f"{error} The option --model names another.") from error
    except OperatingPointError as error:
        raise click.ClickException(f"--operating-point: {error}") from error
    reports = 0
    with ProgressLine(len(asked), "reports", "studies") as line:
        for has_report in predict(writer, asked, img_root_dir, save_json_file):
            reports += has_report
            line.update()
    click.echo(f"{reports:,} reports of {len(asked):,} studies: {printable(save_json_file)}. {NOTICE}")
    if reports < len(asked):
        raise click.ClickException(
            f"{len(asked) - reports:,} studies have no report; their entries say why under 'error'."
        )
