"""``coherent-cxr evaluate``: metrics and a page for reports made by anyone's model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from coherent_cxr.chexpert import RuleFileError, UncertainPolicy
from coherent_cxr.chexpert.observations import use_label_set
from coherent_cxr.chexpert.shown import label_set_of
from coherent_cxr.chexpert.tables import judges
from coherent_cxr.cli.places import require_writable_folder
from coherent_cxr.cli.summary import tables as summary_tables
from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.files.joining import Joined, join
from coherent_cxr.evaluation.files.report_columns import GENERATED, REFERENCE
from coherent_cxr.evaluation.files.report_tables import Columns, read_report_table
from coherent_cxr.evaluation.files.scoring import FileEvaluation, evaluate_tables
from coherent_cxr.evaluation.files.system_names import named_files
from coherent_cxr.evaluation.judges.interface import JudgesConfig
from coherent_cxr.evaluation.metrics.protocols import IN_WORDS, ProtocolError
from coherent_cxr.evaluation.metrics.r2gen import R2GenConfig
from coherent_cxr.evaluation.reference_rows import REFERENCE_ROWS
from coherent_cxr.evaluation.systems import UnequalStudiesError
from coherent_cxr.inputs.tables.reading import TableError
from coherent_cxr.storage.spreadsheets import table_as_text
from coherent_cxr.storage.whole import written_whole

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--generated",
    required=True,
    multiple=True,
    metavar="[NAME=]PATH",
    help="File with generated reports; again for another system. Without NAME the file's name is used.",
)
@click.option(
    "--references", type=FILE, help="File with the reference reports; default: the first generated."
)
@click.option(
    "--output",
    default="evaluation",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder for metrics, comparisons and exclusions (.csv), metrics_summary.json, results_page.html.",
)
@click.option("--generated-column", help="Column with the generated reports; default: generated, report, ...")
@click.option("--reference-column", help="Column with the reference reports; default: reference, report, ...")
@click.option("--id-column", help="Column that names the study; default: study_id, id, image_id, ...")
@click.option("--generated-id-column", help="The same, only in the generated files.")
@click.option("--reference-id-column", help="The same, only in the references.")
@click.option(
    "--patient-column", help="Column of the references that names the patient; default: patient_id."
)
@click.option("--split", help="Split to judge, where a file has several; default: test.")
@click.option("--training", type=FILE, help="Training reports: for r2gen's words, random reports and copies.")
@click.option(
    "--rules",
    multiple=True,
    default=("corrected", "original"),
    show_default=True,
    help="Rule set that judges: corrected, original, or a rule file; again for a judge beside the first.",
)
@click.option(
    "--uncertain",
    default="as_negative",
    show_default=True,
    type=click.Choice([str(policy) for policy in UncertainPolicy]),
    help="What an uncertain label counts as in the headline; all three are in metrics.csv.",
)
@click.option(
    "--resamples",
    default=1000,
    type=click.IntRange(min=100),
    show_default=True,
    help="Bootstrap resamples of the patients.",
)
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    default=("house",),
    show_default=True,
    type=click.Choice(list(IN_WORDS)),
    help="Tokens of the language metrics; again for further columns. ptb needs Java, r2gen --training.",
)
@click.option("--meteor/--no-meteor", default=True, help="Run METEOR where Java is present.")
@click.option(
    "--samples",
    default=20,
    type=click.IntRange(min=0),
    show_default=True,
    help="Studies on the page; 0 shows no text.",
)
@click.option(
    "--spreadsheet/--no-spreadsheet",
    default=True,
    show_default=True,
    help="In CSV files, an apostrophe before text that a spreadsheet would take for a formula.",
)
@click.option("--private", is_flag=True, help="No text of any file in messages or on the page.")
@click.option("--seed", default=0, show_default=True, help="Seed of resamples and samples.")
def evaluate(
    generated: tuple[str, ...],
    references: Path | None,
    output: Path,
    rules: tuple[str, ...],
    training: Path | None,
    split: str | None,
    private: bool,
    spreadsheet: bool,
    samples: int,
    generated_column: str | None,
    reference_column: str | None,
    id_column: str | None,
    generated_id_column: str | None,
    reference_id_column: str | None,
    patient_column: str | None,
    **settings: Any,
) -> None:
    """Score generated reports against references: language, CheXpert labels, intervals, a page.

    Files are CSV (commas, semicolons, tabs), JSON, JSON Lines or Parquet, with a column for the study and one
    for the report, and in the references optionally patient_id, so that intervals count patients and not
    studies. One file may hold both sides. R2Gen's annotation.json and ReXrank's files are read as they are.
    """
    theirs = Columns(generated_id_column or id_column, generated_column, study_option="--generated-id-column")
    ours = Columns(
        reference_id_column or id_column, reference_column, patient_column, "--reference-id-column"
    )
    require_writable_folder(output, "--output")
    try:
        labelers = judges(rules)
        use_label_set(label_set_of(rules[0]))
        config = EvaluationConfig(
            samples=0 if private else samples,
            r2gen=R2GenConfig(min_count=3, max_tokens=59, join_blanks=False),  # as for Open-I
            judges=JudgesConfig(**dict.fromkeys(JudgesConfig.model_fields)),
            **settings,
        )
        files = named_files(generated, tuple(REFERENCE_ROWS))
        systems = {
            name: read_report_table(path, GENERATED, theirs, private=private) for name, path in files.items()
        }
        truth = read_report_table(references or next(iter(files.values())), REFERENCE, ours, private=private)
        joined = join(systems, truth, split)
        own_training = [] if training is None else _training_reports(training, reference_column, private)
        result = evaluate_tables(config, labelers, joined, own_training)
        _write(output, joined, result, spreadsheet)
    except RuleFileError as error:
        raise click.ClickException(f"{error} (--rules)") from error
    except ProtocolError as error:
        raise click.ClickException(f"{error} (--protocol, --training)") from error
    except UnequalStudiesError as error:
        raise click.ClickException(f"{error} (--generated, --references)") from error
    except (ConfigurationError, TableError) as error:
        raise click.ClickException(str(error)) from error
    for notice in result.notices:
        click.echo(notice, err=True)
    click.echo(summary_tables(result.summary))
    click.echo(f"\nresults page  {output / 'results_page.html'}")
    tables = ", ".join(f"{name}.csv" for name in ("metrics", "comparisons", "exclusions"))
    click.echo(f"tables        {output}: {tables}, metrics_summary.json")


def _training_reports(path: Path, column: str | None, private: bool) -> list[str]:
    rows = read_report_table(path, REFERENCE, Columns(text=column), private=private).rows
    if "split" in rows and (rows["split"] == "train").any():
        rows = rows[rows["split"] == "train"]
    return list(rows["report"].dropna())


def _write(output: Path, joined: Joined, result: FileEvaluation, spreadsheet: bool) -> None:
    tables = {
        "metrics": result.metrics,
        "comparisons": result.comparisons,
        "exclusions": joined.exclusions,
    }
    texts = {
        **{
            f"{name}.csv": (table_as_text(rows) if spreadsheet else rows).to_csv(index=False)
            for name, rows in tables.items()
        },
        "metrics_summary.json": json.dumps(result.summary, indent=2) + "\n",
        "results_page.html": result.page,
    }
    for name, text in texts.items():
        try:
            with written_whole(output / name) as place:
                # names of studies may hold bytes that are no text
                place.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")
        except OSError as error:
            raise click.ClickException(f"'{output / name}' cannot be written ({error.strerror}).") from error
