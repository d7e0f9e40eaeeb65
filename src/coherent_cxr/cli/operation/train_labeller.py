"""``coherent-cxr train-labeller``: a labeller from rule labels and corrections."""

from __future__ import annotations

from pathlib import Path

import click

from coherent_cxr.cli.places import require_writable_file
from coherent_cxr.storage.whole import written_whole

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(name="train-labeller")
@click.option("--reports_path", "--reports-path", required=True, help="Reports, as `label` reads them.")
@click.option("--column", help="Column or key that holds the reports; a CSV file then has a header.")
@click.option("--rules", default="corrected", show_default=True, help="Rule set to learn from, or its file.")
@click.option(
    "--corrections",
    type=FILE,
    help="Table with a column 'sentence' and columns named as labels: 1, 0, -1, empty for not mentioned.",
)
@click.option("--output", type=FILE, required=True, help="Where to write the labeller (.safetensors).")
def train_labeller(
    reports_path: str, column: str | None, rules: str, corrections: Path | None, output: Path
) -> None:
    """Learn a labeller of sentences from labels of rules and from corrections, in seconds.

    It is used wherever a rule set is: label --rules FILE, chexpert_labelling.rules, evaluate --rules FILE.
    Beside it, a table says how it agrees with the rules and the corrections on sentences not seen before.
    """
    from coherent_cxr.chexpert.io.reading import ReportFileError, format_of, read_reports
    from coherent_cxr.chexpert.learnt.corrections import read_corrections
    from coherent_cxr.chexpert.learnt.fitting import agreement, fit, labelled_sentences, out_of_fold
    from coherent_cxr.chexpert.learnt.labeller import ENDING
    from coherent_cxr.chexpert.opening import labeler_of
    from coherent_cxr.chexpert.rules.checks import RuleFileError
    from coherent_cxr.configuration import ConfigurationError
    from coherent_cxr.inputs.errors import TableError

    require_writable_file(output, "--output", (ENDING,))
    try:
        base = labeler_of(rules, 0)
        own = {} if corrections is None else read_corrections(corrections, base.observations)
        reports = list(read_reports(reports_path, format_of(reports_path), column))
        sentences = labelled_sentences(base, reports, own)
        table = agreement(base, sentences, out_of_fold(base, sentences))
        content = fit(base, sentences)
    except (RuleFileError, ReportFileError, TableError, ConfigurationError) as error:
        raise click.ClickException(str(error)) from error
    with written_whole(output, make_folders=False) as place:
        place.write_bytes(content)
    beside = output.with_name(f"{output.stem}_agreement.csv")
    with written_whole(beside, make_folders=False) as place:
        table.to_csv(place, index=False, float_format="%.4f")
    said = table[table["stated_rules"] > 0]
    click.echo(
        f"Sentences  {len(sentences.texts):,}, corrected {int(sentences.corrected.any(axis=1).sum()):,}"
    )
    click.echo(
        f"Rules      labelled alike {said['alike_rules'].mean():.3f}, F1 {said['f1_rules'].mean():.3f}"
    )
    if corrections is not None:
        alike, f1 = (table[f"{what}_corrections"].mean() for what in ("alike", "f1"))
        click.echo(f"Corrected  labelled alike {alike:.3f}, F1 {f1:.3f}, on corrections it had not seen")
    click.echo(f"Labeller   {output}\nAgreement  {beside}")
