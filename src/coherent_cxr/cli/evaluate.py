"""``coherent-cxr evaluate``: metrics and a page for reports made by anyone's model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from coherent_cxr.chexpert import CheXpertLabeler, RuleFileError, UncertainPolicy
from coherent_cxr.cli.summary import table
from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.files import ReportTableError, evaluate_tables, read_report_table
from coherent_cxr.evaluation.systems import UnequalStudiesError
from coherent_cxr.evaluation.tokenization import IN_WORDS, JavaMissingError

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--generated",
    required=True,
    multiple=True,
    type=FILE,
    help="CSV with generated reports; give it again for another system. The file's name names the system.",
)
@click.option("--references", required=True, type=FILE, help="CSV with the reference reports.")
@click.option(
    "--output",
    default="evaluation",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for metrics.csv, comparisons.csv, metrics_summary.json and results_page.html.",
)
@click.option("--id-column", help="Column that names the study; default: study_id, id, image_id or uid.")
@click.option("--column", help="Column with the report; default: report, findings, text, ...")
@click.option("--rules", default="original", show_default=True, help="original, corrected, or a rule file.")
@click.option(
    "--uncertain",
    default="as_negative",
    show_default=True,
    type=click.Choice([str(policy) for policy in UncertainPolicy]),
    help="What an uncertain label counts as in the headline; all three are in metrics.csv.",
)
@click.option("--resamples", default=1000, show_default=True, help="Bootstrap resamples of the patients.")
@click.option(
    "--tokenization",
    default="house",
    show_default=True,
    type=click.Choice(list(IN_WORDS)),
    help="Tokens of the language metrics; ptb needs Java.",
)
@click.option("--meteor/--no-meteor", default=True, help="Run METEOR where Java is present.")
@click.option("--samples", default=20, show_default=True, help="Studies on the page; 0 shows no text.")
@click.option("--seed", default=0, show_default=True, help="Seed of resamples and samples.")
def evaluate(
    generated: tuple[Path, ...],
    references: Path,
    output: Path,
    id_column: str | None,
    column: str | None,
    rules: str,
    **settings: Any,
) -> None:
    """Judge generated reports against references: language, CheXpert labels, intervals, a page.

    Both files are CSV with a header: a column for the study, one for the report, and in the references
    optionally patient_id, so that intervals count patients and not studies.
    """
    try:
        labeler = CheXpertLabeler(rules)
        tables = {path.stem: read_report_table(path, id_column, column) for path in generated}
        result = evaluate_tables(
            EvaluationConfig(**settings), labeler, tables, read_report_table(references, id_column, column)
        )
    except (
        ConfigurationError,
        JavaMissingError,
        ReportTableError,
        RuleFileError,
        UnequalStudiesError,
    ) as error:
        raise click.ClickException(str(error)) from error
    output.mkdir(parents=True, exist_ok=True)
    result.metrics.to_csv(output / "metrics.csv", index=False)
    result.comparisons.to_csv(output / "comparisons.csv", index=False)
    (output / "metrics_summary.json").write_text(json.dumps(result.summary, indent=2) + "\n")
    (output / "results_page.html").write_text(result.page, encoding="utf-8")
    click.echo(table(result.summary))
    click.echo(f"\nresults page  {output / 'results_page.html'}")
