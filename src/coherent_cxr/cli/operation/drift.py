"""``coherent-cxr drift``: the page about drift."""

from __future__ import annotations

from pathlib import Path

import click

from coherent_cxr.cli.places import require_writable_file
from coherent_cxr.storage.whole import written_whole

LOG = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("log", type=LOG)
@click.option("--reference", type=LOG, help="Drift log of the validation studies, by the same model.")
@click.option(
    "--output", type=LOG, default=Path("drift.html"), show_default=True, help="Where to write the page."
)
def drift(log: Path, reference: Path | None, output: Path) -> None:
    """Write a page about drift from LOG, by day against validation.

    The log holds numbers and salted hashes only. The exit code is 0 with and without alarms.
    """
    from coherent_cxr.chexpert.observations import LabelSet, use_label_set
    from coherent_cxr.serving.monitoring.drift import days_of
    from coherent_cxr.serving.monitoring.drift_log import DriftLog, DriftLogError
    from coherent_cxr.serving.monitoring.page import drift_page

    require_writable_file(output, "--output", (".html",))
    try:
        kept = DriftLog(log)
        use_label_set(LabelSet(observations=kept.labels()))
        rows = kept.reports()
        known = None if reference is None else DriftLog(reference).reports()
        page = drift_page(rows, known, kept.refusals(), kept.shadow())
    except DriftLogError as error:
        raise click.ClickException(str(error)) from error
    with written_whole(output, make_folders=False) as place:
        place.write_text(page, encoding="utf-8")
    for alarm in (alarm for day in days_of(rows, known) for alarm in day.alarms):
        click.echo(f"Alarm: {alarm}")
    click.echo(f"Page: {output}")
