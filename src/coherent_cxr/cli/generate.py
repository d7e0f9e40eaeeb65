"""``coherent-cxr generate``: reports of radiographs, on the screen or in files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coherent_cxr.cli.places import require_writable_file, require_writable_folder
from coherent_cxr.cli.project import find_project, model_options, open_tracking
from coherent_cxr.cli.shown import show_study
from coherent_cxr.inputs.names import printable
from coherent_cxr.runtime.garbage import starting
from coherent_cxr.storage.whole import written_whole

if TYPE_CHECKING:
    from coherent_cxr.serving.batch.listing import Listing
    from coherent_cxr.serving.batch.outputs import OutputFormat
    from coherent_cxr.serving.outputs.identification import Identification
    from coherent_cxr.serving.report import Report
    from coherent_cxr.serving.study.opening import OpenedModel
    from coherent_cxr.serving.study.writer import StudyWriter
    from coherent_cxr.serving.study_report import StudyReport

PICTURES = (".png", ".svg", ".pdf")


@click.command()
@click.pass_context
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@model_options
@click.option(
    "--operating-point",
    metavar="balanced|sensitive|specific|precision-0.7 ...",
    help="Let the label classifier decide what the report affirms: sensitive finds more and invents more, "
    "specific the reverse, precision-0.7 holds that precision for each finding. By default the generator "
    "decides, word by word.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Write the reports to a file (.csv, .jsonl, .parquet), or one document each to a folder (--format). "
    "What got no report stands in a table beside it.",
)
@click.option(
    "--format",
    "form",
    metavar="csv|jsonl|parquet|rexrank|dicom-sr|fhir|text ...",
    help="Of the output, if its name does not say it.",
)
@click.option(
    "--studies-by",
    type=click.Choice(["file", "folder"]),
    default="file",
    show_default=True,
    help="Whether each PNG or JPEG is a study, or those of a folder are one; DICOM images say it themselves.",
)
@click.option(
    "--prior",
    metavar="IMAGE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="An image of the same patient's study before, for a model that reads it (once for each image). Of "
    "many studies, a table names the studies before.",
)
@click.option("--days-since-prior", metavar="DAYS", help="How long before; goes with --prior.")
@click.option(
    "--prior-report",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A text file with the findings of the study before; goes with --prior.",
)
@click.option(
    "--copy-patient",
    is_flag=True,
    help="Copy name, number, birthday and sex of the patient, and number and date of the study, from the "
    "DICOM images into DICOM SR or FHIR, so that an archive files them under the patient. By default they "
    "are de-identified.",
)
@click.option(
    "--drift-log",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also keep numbers of each study (no text, no name) in an SQLite file; see the command drift.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each study.")
@click.option(
    "--attention",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also save a picture (.png, .svg, .pdf) of the attention at its most visual words.",
)
def generate(
    context: click.Context,
    paths: tuple[Path, ...],
    model: str,
    uri: str | None,
    operating_point: str | None,
    output: Path | None,
    form: str | None,
    studies_by: str,
    prior: tuple[Path, ...],
    days_since_prior: str | None,
    prior_report: Path | None,
    copy_patient: bool,
    drift_log: Path | None,
    as_json: bool,
    attention: Path | None,
) -> None:
    """Generate reports for chest radiographs: images, DICOM studies, folders, tables of studies.

    A PATH is a PNG, JPEG or DICOM file, a folder of such files, or a table (.csv, .tsv, .jsonl, .parquet)
    with the columns path and, if you like, study_id, view, prior_images (with semicolons between them),
    days_since_prior and prior_report.

    For research only, not for clinical use. Exit code: 0 every study has a report, 1 some have none.
    """
    if attention is not None:
        require_writable_file(attention, "--attention", PICTURES)
    if drift_log is not None:
        require_writable_file(drift_log, "--drift-log")
    if output is None and form is not None:
        raise click.ClickException("--format says how an output is written; name one with --output.")
    listing = _listed(paths, studies_by, tried=output is None)
    if prior or days_since_prior is not None or prior_report is not None:
        from coherent_cxr.serving.batch.listing import with_prior

        try:
            listing = with_prior(listing, prior, days_since_prior, prior_report)
        except ValueError as error:
            raise click.ClickException(f"{error} (--prior, --days-since-prior, --prior-report)") from error
    if attention is not None and len(listing.studies) != 1:
        raise click.ClickException(f"--attention is for one study; there are {len(listing.studies):,}.")
    chosen = None if output is None else _format(output, form, len(listing.studies))
    if copy_patient and (chosen is None or not chosen.identifies):
        raise click.ClickException(
            "--copy-patient is for DICOM SR and FHIR; name one with --output and --format, or leave it out."
        )
    opened = open_named(model, uri)
    from coherent_cxr.models.decider import OperatingPointError
    from coherent_cxr.serving.study.writer import StudyWriter

    try:
        writer = StudyWriter(opened.bundle, opened.identity, operating_point=operating_point)
    except OperatingPointError as error:
        raise click.ClickException(f"--operating-point: {error}") from error
    if output is not None and chosen is not None:
        done = _write(writer, listing, output, chosen, copy_patient, drift_log)
    else:
        done = _print(writer, listing, as_json, attention, drift_log)
    if not done:
        context.exit(1)


def _listed(paths: tuple[Path, ...], studies_by: str, tried: bool) -> Listing:
    """Look at what was given; a wrong file alone fails at once, not after the model is loaded."""
    from coherent_cxr.images.reading.decode import UnreadableImageError, read_square
    from coherent_cxr.inputs.errors import TableError
    from coherent_cxr.serving.batch.listing import list_studies

    try:
        listing = list_studies(paths, "folder" if studies_by == "folder" else "file")
        if tried and [image.source for study in listing.studies for image in study.images] == [*paths]:
            read_square(paths[0], 64)
    except (UnreadableImageError, TableError) as error:
        raise click.ClickException(str(error)) from error
    if not listing.studies:
        first = f" The first: {listing.refused[0].message}" if listing.refused else ""
        raise click.ClickException(f"'{printable(paths[0])}' holds no image of a study.{first}")
    return listing


def _format(output: Path, name: str | None, studies: int) -> OutputFormat:
    from coherent_cxr.serving.batch.outputs import OUTPUTS, OutputError, format_of
    from coherent_cxr.serving.batch.run import exclusions_beside
    from coherent_cxr.serving.outputs.structured_report import MissingExtraError, require_serve

    if name is not None and name not in OUTPUTS:
        raise click.ClickException(
            f"--format is '{printable(name)}'; it must be one of {', '.join(OUTPUTS)}."
        )
    try:
        chosen = format_of(output, name, studies)
        if chosen.needs:
            require_serve(chosen.needs, f"The format {name or output.suffix}")
    except (OutputError, MissingExtraError) as error:
        raise click.ClickException(f"{error} (--output)") from error
    if chosen.is_folder(output):
        require_writable_folder(output, "--output")
    else:
        require_writable_file(output, "--output")
        require_writable_file(exclusions_beside(output, is_folder=False), "--output")
    return chosen


def _write(
    writer: StudyWriter,
    listing: Listing,
    output: Path,
    chosen: OutputFormat,
    copy_patient: bool,
    drift_log: Path | None,
) -> bool:
    from coherent_cxr.serving.batch.outputs import DocumentSink
    from coherent_cxr.serving.batch.run import exclusions_beside, outcomes, write_all
    from coherent_cxr.serving.monitoring.drift_log import DriftLog
    from coherent_cxr.serving.report import NOTICE

    try:
        with chosen.open(output) as sink:
            if copy_patient and isinstance(sink, DocumentSink):
                sink.identify = _identified(listing)
            exclusions = exclusions_beside(output, chosen.is_folder(output))
            log = None if drift_log is None else DriftLog(drift_log)
            counts = write_all(outcomes(writer, listing, log), sink, exclusions)
    except OSError as error:
        raise click.ClickException(f"'{output}' cannot be written: {error.strerror}. (--output)") from error
    click.echo(f"{counts.reports:,} reports: {printable(output)}. {NOTICE}")
    if counts.refused or counts.passed_over:
        files = "file that is no image" if counts.passed_over == 1 else "files that are no images"
        passed = f", {counts.passed_over:,} {files}" if counts.passed_over else ""
        click.echo(f"{counts.refused:,} without a report{passed}: {printable(exclusions)}", err=True)
    return not counts.refused


def _identified(listing: Listing) -> Callable[[StudyReport], Identification | None]:
    from coherent_cxr.serving.outputs.identification import identification_among

    sources = {study.study_id: [image.source for image in study.images] for study in listing.studies}
    return lambda report: identification_among(report, sources.get(report.study_id, ()))


def _print(
    writer: StudyWriter, listing: Listing, as_json: bool, attention: Path | None, drift_log: Path | None
) -> bool:
    from coherent_cxr.serving.batch.listing import NO_IMAGE
    from coherent_cxr.serving.batch.run import outcomes
    from coherent_cxr.serving.monitoring.drift_log import DriftLog
    from coherent_cxr.serving.report import NOTICE
    from coherent_cxr.serving.study.study import Refusal

    alone = len(listing.studies) == 1 and not listing.refused
    failed = 0
    log = None if drift_log is None else DriftLog(drift_log)
    for outcome in outcomes(writer, listing, log):
        if isinstance(outcome, Refusal):
            if alone:
                raise click.ClickException(outcome.message)
            failed += outcome.reason != NO_IMAGE
            click.echo(f"{printable(outcome.study_id)}: {printable(outcome.message, 600)}", err=True)
            continue
        if attention is not None:
            _save_attention(outcome.report, attention, NOTICE)
        if as_json:
            identity = outcome.model
            told = {
                "model": identity.name,
                "model_version": identity.version,
                "model_digest": identity.digest,
            }
            click.echo(json.dumps({**outcome.as_dict(), **told}, indent=2 if alone else None))
            continue
        show_study(outcome, alone)
    if attention is not None and not as_json:
        click.echo(f"Attention: {printable(attention)}")
    return not failed


def open_named(model: str, uri: str | None, option: str = "--model") -> OpenedModel:
    """Open a model for a command.

    Args:
        model: As :func:`~coherent_cxr.serving.study.opening.open_model` takes it.
        uri: MLflow address of the registry; None for the one of the project in or above this folder.
        option: Which named it.

    Raises:
        ClickException: If it cannot be opened; the message says why.
    """
    with starting():
        from coherent_cxr.models.manifest import BundleError
        from coherent_cxr.serving.study.opening import open_model

        try:
            return open_model(model, lambda: uri or open_tracking(find_project(Path.cwd())))
        except (BundleError, LookupError, OSError) as error:
            raise click.ClickException(f"{error} The option {option} names another.") from error


def _save_attention(report: Report, path: Path, notice: str) -> None:
    from coherent_cxr.evaluation.attention.mentions import attention_figure

    try:
        with written_whole(path, make_folders=False) as place:
            attention_figure(report.image, report.attention, notice).savefig(place, dpi=150)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"'{path}' cannot be saved: {error}. (--attention)") from error
