"""``coherent-cxr check-data``: what a run needs, before it starts."""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path
from typing import Any

import click
from kedro.config import OmegaConfigLoader
from kedro.framework.project import settings
from kedro.framework.startup import bootstrap_project

from coherent_cxr.cli.project import environment_message, find_project
from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.corpora import preflight
from coherent_cxr.corpora.parsing import ReportParsingConfig
from coherent_cxr.corpora.preflight import Check
from coherent_cxr.images.decode import UnreadableImageError, read_square
from coherent_cxr.images.decoding_workers import usable_cores
from coherent_cxr.images.fabrication import FabricationConfig
from coherent_cxr.images.preparation import ImagePreparationConfig
from coherent_cxr.images.source import ImageSourceError, open_source

SAMPLE = 40
COLOURS = {"ok": "green", "missing": "red", "optional": "yellow"}


@click.command(name="check-data")
@click.option("--env", default="base", show_default=True, help="Kedro environment: base, openi, mimic_cxr.")
def check_data(env: str) -> None:
    """Say which files of a corpus are missing and how to get them, and what a run will take.

    Exit code: 0 everything is there, 1 something is missing, 2 wrong options.
    """
    project = find_project(Path.cwd())
    message = environment_message(project / "conf", env)
    if message:
        raise click.BadParameter(message, param_hint="--env")
    try:
        parameters = _parameters(project, env)
        parsing = ReportParsingConfig(**parameters["report_parsing"])
        fabrication = FabricationConfig(**parameters["fabrication"])
        preparation = ImagePreparationConfig(**parameters["image_preparation"])
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from error
    checks = preflight.check_reports(parsing)
    complete = all(check.state != "missing" for check in checks)
    if parsing.corpus == "mimic_cxr" and complete:
        count, seconds = preflight.report_seconds(parsing.mimic_cxr)
        checks.append(Check("reading the reports", "ok", f"{count:,} reports, about {_spoken(seconds)}"))
    checks += _check_images(fabrication, preparation, parsing.corpus, project)
    for check in checks:
        click.secho(f"{check.state:>9}", fg=COLOURS[check.state], nl=False)
        click.echo(f"  {check.what}: {check.detail}")
    if any(check.state == "missing" for check in checks):
        raise SystemExit(1)


def _parameters(project: Path, env: str) -> dict[str, Any]:
    bootstrap_project(project)
    arguments = {**settings.CONFIG_LOADER_ARGS, "default_run_env": "local"}
    return dict(OmegaConfigLoader(str(project / "conf"), env=env, **arguments)["parameters"])


def _check_images(
    fabrication: FabricationConfig, preparation: ImagePreparationConfig, corpus: str, project: Path
) -> list[Check]:
    """Open the images, decode a few, and estimate space and time of their store."""
    if fabrication.images_root is None:
        return [Check("images", "ok", "phantoms are drawn; no radiograph is needed")]
    try:
        source = open_source(project / fabrication.images_root)
    except ImageSourceError as error:
        return [Check("images", "missing", f"{error} {preflight.images_remedy(corpus)}")]
    if not len(source):
        detail = f"{source.root} holds no .png, .jpg or .dcm file. {preflight.images_remedy(corpus)}"
        return [Check("images", "missing", detail)]
    start, unreadable = time.perf_counter(), 0
    sample = list(islice(source.files, 0, None, max(1, len(source) // SAMPLE)))[:SAMPLE]
    for image_id, data in source.read(sample):
        try:
            read_square(data, preparation.size, name=image_id)
        except UnreadableImageError:
            unreadable += 1
    seconds = (time.perf_counter() - start) / len(sample) * len(source) / usable_cores()
    cores = usable_cores()
    detail = f"{len(source):,} in {source.root}; decoding all takes about {_spoken(seconds)} on {cores} cores"
    bad = f"; {unreadable} of {len(sample)} looked at cannot be read" if unreadable else ""
    disk = preflight.check_disk(len(source), preparation.size, project / preparation.work_dir)
    return [Check("images", "ok", detail + bad), disk]


def _spoken(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
