"""``coherent-cxr drift``: the page about drift."""

from __future__ import annotations

from pathlib import Path

import click

from coherent_cxr.cli.places import require_writable_file
from coherent_cxr.cli.project import find_project, open_tracking
from coherent_cxr.storage.whole import written_whole

LOG = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("log", type=LOG)
@click.option("--model", help="Compare with the validation numbers that were kept with a registered model.")
@click.option("--reference", type=LOG, help="Such numbers in a file, or a drift log of validation studies.")
@click.option(
    "--tracking-uri",
    "uri",
    envvar="MLFLOW_TRACKING_URI",
    help="MLflow address of the registry; by default the one of the project in or above this folder.",
)
@click.option(
    "--output", type=LOG, default=Path("drift.html"), show_default=True, help="Where to write the page."
)
def drift(log: Path, model: str | None, reference: Path | None, uri: str | None, output: Path) -> None:
    """Write a page about drift from LOG, by day against validation.

    The log holds numbers and salted hashes only. The exit code is 0 with and without alarms.
    """
    from coherent_cxr.chexpert.observations import LabelSet, use_label_set
    from coherent_cxr.serving.monitoring.drift import days_of
    from coherent_cxr.serving.monitoring.drift_log import DriftLog, DriftLogError
    from coherent_cxr.serving.monitoring.page import drift_page
    from coherent_cxr.serving.monitoring.reference import read_reference

    require_writable_file(output, "--output", (".html",))
    if model is not None:
        if reference is not None:
            raise click.ClickException(
                "--model and --reference both name what to compare with; leave one out."
            )
        from coherent_cxr.serving.registration.fetching import fetch_drift_reference

        reference = fetch_drift_reference(model, uri or open_tracking(find_project(Path.cwd())))
    try:
        kept = DriftLog(log)
        use_label_set(LabelSet(observations=kept.labels()))
        rows = kept.reports()
        known = None if reference is None else read_reference(reference)
        page = drift_page(rows, known, kept.refusals(), kept.shadow())
    except DriftLogError as error:
        raise click.ClickException(str(error)) from error
    with written_whole(output, make_folders=False) as place:
        place.write_text(page, encoding="utf-8")
    for alarm in (alarm for day in days_of(rows, known) for alarm in day.alarms):
        click.echo(f"Alarm: {alarm}")
    click.echo(f"Page: {output}")
