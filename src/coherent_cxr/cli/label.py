"""``coherent-cxr label``: a drop-in for the original CheXpert labeller's command, with reasons."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Never

import click
from click.core import ParameterSource
from tqdm import tqdm

from coherent_cxr.chexpert import CheXpertLabeler, Mention, RuleFileError
from coherent_cxr.chexpert.function_labeller import FunctionLabelerError
from coherent_cxr.chexpert.io.reading import (
    FORMATS,
    STANDARD_STREAM,
    ReportFileError,
    chunked,
    format_of,
    read_reports,
)
from coherent_cxr.chexpert.io.writing import TableWriter, label_columns
from coherent_cxr.chexpert.opening import labeler_of
from coherent_cxr.chexpert.shown import CACHE, shown_labeler
from coherent_cxr.cli.places import require_writable_file
from coherent_cxr.inputs.names import printable
from coherent_cxr.inputs.tables.null_words import is_null

if TYPE_CHECKING:
    from coherent_cxr.chexpert.io.page import ExplainedReport

CHUNK = 1000
PARITY = "original"
BESIDE_OUTPUT = "beside the output"
MENTION_COLUMNS: dict[str, type] = {"row": int} | {
    field.name: int if field.type == "int" else str for field in fields(Mention)
}


@click.command(name="label")
@click.pass_context
@click.option(
    "--reports_path",
    "--reports-path",
    default=STANDARD_STREAM,
    show_default=True,
    help="Reports: CSV with one column and no header, JSON Lines, or Parquet; - is standard input.",
)
@click.option(
    "--output_path",
    "--output-path",
    default=STANDARD_STREAM,
    show_default=True,
    help="Labels: CSV as the original tool writes it, JSON Lines, or Parquet; - is standard output.",
)
@click.option(
    "--rules",
    default=PARITY,
    show_default=True,
    help="original, corrected, spanish, or the file of rules or of a learnt labeller. Without it a page is "
    "marked by corrected.",
)
@click.option("--column", help="Column or key that holds the reports; a CSV file then has a header.")
@click.option(
    "--header/--no-header", default=None, help="Whether a one-column CSV file starts with a header."
)
@click.option(
    "--input_format", "--input-format", type=click.Choice(FORMATS), help="If the name does not say it."
)
@click.option(
    "--output_format", "--output-format", type=click.Choice(FORMATS), help="If the name does not say it."
)
@click.option(
    "--explain",
    is_flag=False,
    flag_value=BESIDE_OUTPUT,
    metavar="[PATH]",
    help="Write every mention with span, status and rule; default place: *_mentions.jsonl beside the output.",
)
@click.option(
    "--html",
    type=click.Path(dir_okay=False),
    help="Write a page with the mentions highlighted by status; it names its rule set.",
)
@click.option(
    "--spreadsheet",
    is_flag=True,
    help="In CSV files, an apostrophe before text that a spreadsheet would take for a formula.",
)
@click.option(
    "--progress/--no-progress", default=None, help="Progress bar; default: if stderr is a terminal."
)
def label(
    context: click.Context,
    reports_path: str,
    output_path: str,
    rules: str,
    column: str | None,
    header: bool | None,
    input_format: str | None,
    output_format: str | None,
    explain: str | None,
    html: str | None,
    spreadsheet: bool,
    progress: bool | None,
) -> None:
    """Label radiology reports with the 14 observations of CheXpert, or others of a rule file.

    Labels: 1 positive, 0 negative, -1 uncertain, blank not mentioned.
    Exit code: 0 done, 1 a file or a row cannot be read (nothing is written), 2 wrong options or rule file.
    """
    try:
        labeler = labeler_of(rules, CACHE)
        chosen = context.get_parameter_source("rules") is not ParameterSource.DEFAULT
        shown = None if not html else labeler if chosen else shown_labeler()
    except (RuleFileError, FunctionLabelerError) as error:
        raise click.BadParameter(str(error), param_hint="--rules") from error
    explain_path = _explain_path(explain, output_path)
    if html:
        require_writable_file(Path(html), "--html")
    try:
        with ExitStack() as stack:
            file_format = format_of(output_path, output_format)
            labels = stack.enter_context(
                TableWriter(
                    output_path,
                    label_columns(labeler.observations),
                    file_format,
                    labels_as_float=True,
                    spreadsheet=spreadsheet,
                )
            )
            mentions = (
                stack.enter_context(
                    TableWriter(
                        explain_path, MENTION_COLUMNS, format_of(explain_path), spreadsheet=spreadsheet
                    )
                )
                if explain_path
                else None
            )
            reports = read_reports(reports_path, format_of(reports_path, input_format), column, header)
            hidden = not (sys.stderr.isatty() if progress is None else progress)
            bar: tqdm[Never] = stack.enter_context(tqdm(unit=" reports", disable=hidden, file=sys.stderr))
            explained = _label(labeler, reports, labels, mentions, bar, shown)
            if html and shown is not None:
                from coherent_cxr.chexpert.io.page import write_page

                write_page(html, explained, shown.rules)
                if shown.rules != labeler.rules:
                    note = f"The page {html} is marked by rule set {shown.name}, the labels are by "
                    click.echo(f"{note}{labeler.name}. --rules makes both the same.", err=True)
            else:
                for _ in explained:
                    pass
        _say_where({"labels": output_path, "mentions": explain_path, "page": html})
    except ReportFileError as error:
        raise click.ClickException(str(error)) from error


def _label(
    labeler: CheXpertLabeler,
    reports: Iterator[str | None],
    labels: TableWriter,
    mentions: TableWriter | None,
    bar: tqdm[Never],
    shown: CheXpertLabeler | None,
) -> Iterator[ExplainedReport]:
    """Label and write chunk by chunk; yield what a page needs, by its labeller, if one is wanted."""
    row = empty = 0
    for chunk in chunked(reports, CHUNK):
        empty += sum(is_null(report) for report in chunk)
        labelled = [labeler.label(report) for report in chunk]
        labels.write([(report, *found.values()) for report, found in zip(chunk, labelled, strict=True)])
        for report in chunk:
            row += 1
            if mentions is not None:
                mentions.write([(row, *asdict(mention).values()) for mention in labeler.explain(report)])
            if shown is not None:
                from coherent_cxr.chexpert.io.page import explain_report

                yield explain_report(row, report, shown.explain(report), shown.label(report))
        bar.update(len(chunk))
    if empty:
        # the original tool labels them, and every row keeps its place, so they are reported, not left out
        click.echo(
            f"{empty} of {row} reports hold no text (or a word for none); No Finding is 1 there.", err=True
        )


def _say_where(places: Mapping[str, str | None]) -> None:
    """Say what was written; on standard error, as labels may go to standard output."""
    for what, place in places.items():
        if place and place != STANDARD_STREAM:
            click.echo(f"{what:<9} {printable(place)}", err=True)


def _explain_path(explain: str | None, output_path: str) -> str | None:
    if explain != BESIDE_OUTPUT:
        return explain
    if output_path == STANDARD_STREAM:
        raise click.UsageError(
            "The labels go to standard output, so say where the mentions go: --explain PATH."
        )
    output = Path(output_path)
    return str(output.with_name(f"{output.stem}_mentions.jsonl"))
